"""What every data set owes to the walk of the data (annobench/data/__init__)."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from annobench import pairs, tables
from annobench.registry import component, kinds, module_name
from annobench.settings import Settings
from annobench.stages.prepare import refuse

KINDS = kinds("data")
PARTS = {"arc": {"test": 5}, "riddlesense": None, "geo": {"train": 7, "test": 5}}
FILE = str(Path(__file__).with_name("questions.csv"))
PODCAST = str(Path(__file__).with_name("podcast"))
COMPARISONS = {
    "path": str(Path(__file__).with_name("comparisons.csv")),
    "responses": str(Path(__file__).with_name("responses.csv")),
}
REQUIRED = {
    "comparisons": COMPARISONS,
    "multi-task": {"parts": PARTS},
    "file": {"path": FILE},
    "msp-podcast": {"folder": PODCAST},
    "ultrafeedback": {"stronger": "gpt-4", "weaker": "alpaca-7b"},
    "geo-pairs": {"stronger": {"source": "path:big"}, "weaker": {"source": "path:small"}},
}
OF_PEOPLE = {"chaosnli", "goemotions", "msp-podcast", "vader"}
SIZES = {"train": 9, "validation": 2, "test": 5}
SIZED = [kind for kind in KINDS if set(SIZES) <= set(component("data", kind).Settings.model_fields)]


def made(kind, hub_root, name="mine", **sizes):
    """The items of a kind. Where models write responses, the stronger one's are right."""
    data = component("data", kind)
    settings = data.Settings(**REQUIRED.get(kind, {}), **sizes)
    if not hasattr(data, "prompts"):
        return data.items(name, settings, hub_root)
    writers = (settings.stronger, settings.weaker)
    rows = [
        {
            "item": asked.item,
            "option": option,
            "source": writer.name,
            "text": ("It is {}.", "Not {}?")[option].format(asked.answers[0]),
            "score": -1.0 - option,
        }
        for asked in data.prompts(name, settings, hub_root).itertuples()
        for option, writer in enumerate(writers)
    ]
    return data.items(name, settings, hub_root, pd.DataFrame(rows))


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def items(kind, hub_root):
    return made(kind, hub_root, **(SIZES if kind in SIZED else {}))


def test_settings_are_closed_explained_and_survive_json(kind):
    data = component("data", kind)
    assert data.__doc__
    assert issubclass(data.Settings, Settings)
    required = REQUIRED.get(kind, {})
    settings = data.Settings(**required)
    assert data.Settings.model_validate(settings.model_dump(mode="json")) == settings
    with pytest.raises(ValidationError, match="no-such-key"):
        data.Settings(**required, **{"no-such-key": 1})
    for name, field in data.Settings.model_fields.items():
        assert field.description, name


def test_no_kind_needs_heavy_packages_for_its_settings():
    program = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        heavy = {{"torch", "pandas", "numpy", "transformers", "pyarrow", "datasets"}}
        if name.split(".")[0] in heavy:
            raise ImportError(f"{{name}} is imported")
sys.meta_path.insert(0, Block())
from importlib import import_module
for name, keys in {[(module_name("data", kind), REQUIRED.get(kind, {})) for kind in KINDS]!r}:
    import_module(name).Settings(**keys)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_items_fit_their_table(kind, items, tmp_path):
    tables.write(tmp_path / "items.parquet", items, tables.ITEMS)
    written = tables.read(tmp_path / "items.parquet", tables.ITEMS)
    assert set(written["split"]) <= {"train", "validation", "test"}
    assert {"train", "test"} <= set(written["split"])
    free_text = getattr(component("data", kind), "FREE_TEXT", False)
    in_pairs = getattr(component("data", kind), "PAIRS", False)
    for item in written.itertuples():
        if free_text:
            assert len(item.options) == 0
            assert pd.isna(item.gold)
            assert len(item.answers)
            assert all(answer.strip() for answer in item.answers)
        else:
            assert pd.isna(item.gold) or 0 <= item.gold < len(item.options)
            assert len(item.options) >= 2
            assert item.answers is None or in_pairs
        assert item.prompt.strip()
        assert item.task
        if kind in OF_PEOPLE:
            counts = np.bincount(item.labels, minlength=len(item.options))
            assert (counts / len(item.labels)).tolist() == pytest.approx(item.distribution.tolist())
            best = np.flatnonzero(counts == counts.max())
            assert pd.isna(item.gold) if len(best) > 1 else item.gold == best[0]
            assert item.annotators is None or len(item.annotators) == len(item.labels)
        else:
            assert item.distribution is None
            assert item.labels is None or kind == "comparisons"
        if in_pairs:
            assert len(set(item.options)) == 2
            assert all(option.strip() for option in item.options)
            assert item.scores is None or len(item.scores) == 2
            assert item.answers is None or all(answer.strip() for answer in item.answers)
        else:
            assert item.sources is item.scores is item.firsts is None
    refuse("mine", items)
    if in_pairs:
        assert pairs.are_pairs(items)
        assert items["prompt"].is_unique or kind == "comparisons"
        pairs.refuse("mine", items, control=False)


def test_an_item_is_in_one_split(items):
    assert items["item"].is_unique
    asked = items["prompt"] + items["options"].map(str)
    splits = items.assign(asked=asked).groupby("asked")["split"].nunique()
    assert splits.max() == 1


def test_two_calls_give_the_same_bytes(kind, items, hub_root, tmp_path):
    again = made(kind, hub_root, **(SIZES if kind in SIZED else {}))
    tables.write(tmp_path / "one.parquet", items, tables.ITEMS)
    tables.write(tmp_path / "two.parquet", again, tables.ITEMS)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


@pytest.mark.parametrize("kind", SIZED)
def test_a_larger_subset_holds_the_smaller_one(kind, hub_root):
    def drawn(split, size):
        sizes = SIZES | {split: size}
        items = made(kind, hub_root, **sizes)
        assert items["split"].value_counts().to_dict() == sizes
        return items[items["split"] == split].drop(columns="distribution").map(str)

    small, large = drawn("train", 4), drawn("train", 9)
    assert small.to_numpy().tolist() == large.to_numpy().tolist()[:4]
    small, large = drawn("test", 2), drawn("test", 5)
    assert small.to_numpy().tolist() == large.to_numpy().tolist()[:2]


@pytest.mark.parametrize("kind", SIZED)
def test_another_name_is_another_draw(kind, hub_root):
    one, other = (made(kind, hub_root, name, **SIZES)["item"] for name in ("mine", "other"))
    assert list(one) != list(other)


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if getattr(component("data", k), "PAIRS", False)]
)
def test_settings_of_pairs_name_the_models_that_take_part(kind):
    data = component("data", kind)
    assert issubclass(data.Settings, pairs.Pairs)
    judge = {"source": "path:judge"}
    found = data.Settings(**REQUIRED.get(kind, {}), reward_model=judge).models
    assert found[0] == pairs.RewardModel(**judge)
    assert [model.source for model in found[1:]] == (
        ["path:big", "path:small"] if hasattr(data, "prompts") else []
    )
