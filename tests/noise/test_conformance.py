"""What every simulated crowd owes to the walk from items to annotations (annobench/noise)."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from annobench import seeds, tables
from annobench.crowd import Crowd
from annobench.errors import AnnobenchError
from annobench.registry import component, kinds

ALL = kinds("noise")
SIMULATED = [kind for kind in ALL if hasattr(component("noise", kind), "label_accuracy")]
PAIRS = [kind for kind in ALL if hasattr(component("noise", kind), "PAIRS")]
KINDS = [kind for kind in SIMULATED if kind not in PAIRS]
JUDGED = [kind for kind in KINDS if "model" in component("noise", kind).Settings.model_fields]
DOCS = (Path(__file__).parents[2] / "docs" / "noise.md").read_text(encoding="utf-8")


def settings_of(kind, **keys):
    judge = {"model": "some-model"} if kind in JUDGED else {}
    return component("noise", kind).Settings(**judge, **keys)


def annotate(kind, items, base, seed=0, **keys):
    rng = seeds.generator("test", seed)
    return component("noise", kind).annotate(items, base, settings_of(kind, **keys), rng)


def section(kind):
    found = re.split(rf"^## `{kind}`$", DOCS, flags=re.M)
    assert len(found) == 2, f"docs/noise.md has no section `{kind}`"
    return re.split(r"^## ", found[1], flags=re.M)[0]


def test_there_are_simulated_crowds():
    assert {"ambiguity", "expertise", "systematic", "difficulty", "confusable", "copying"} <= set(
        KINDS
    )
    assert JUDGED == ["confusable", "difficulty"]
    assert PAIRS == ["users"]


@pytest.mark.parametrize("kind", ALL)
def test_it_is_documented(kind):
    text = section(kind)
    for name in component("noise", kind).Settings.model_fields:
        assert name in Crowd.model_fields or f"`{name}`" in text, name
    assert "Source:" in text
    if kind in SIMULATED:
        assert re.search(r"^    accuracy +=", text, flags=re.M)


@pytest.mark.parametrize("name", Crowd.model_fields)
def test_the_shared_keys_are_documented_once(name):
    assert f"- `{name}`" in DOCS.split("\n## `")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_needs_and_has_settings(kind):
    noise = component("noise", kind)
    assert noise.__doc__
    assert issubclass(noise.Settings, Crowd)
    assert noise.judge(settings_of(kind)) == ("some-model" if kind in JUDGED else None)
    assert noise.has_annotator_ids(settings_of(kind))
    assert not noise.has_annotator_ids(settings_of(kind, anonymous=True))
    with pytest.raises(ValidationError, match="no-such-key"):
        settings_of(kind, **{"no-such-key": 1})
    for name, field in noise.Settings.model_fields.items():
        assert field.description, name
    settings = settings_of(kind, ladder=[0.2, 0.8, 0.5, 0.1])
    assert type(settings).model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("kind", JUDGED)
def test_the_judge_must_be_named(kind):
    with pytest.raises(ValidationError, match="model"):
        component("noise", kind).Settings()


@pytest.fixture(scope="module")
def many(make_items, make_base):
    """28,000 items and what a model makes of them."""
    items = make_items([1, 2, 3, 4, 4, 5, 5] * 4_000)
    return items, make_base(items)


@pytest.mark.parametrize("specialists", [False, True])
@pytest.mark.parametrize("skew", [0, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_right_as_often_as_computed(kind, skew, specialists, many):
    items, base = many
    annotations, truth = annotate(
        kind, items, base, ladder="linear", annotators=6, skew=skew, specialists=specialists
    )
    joined = annotations.merge(items, on="item")
    right = (joined["label"] == joined["gold"]).groupby([joined["annotator"], joined["task"]])
    found = right.agg(["mean", "size"])
    expected = truth.set_index(["annotator", "task"])["accuracy"][found.index]
    assert len(found) == len(truth) == 6 * 2
    assert found["size"].min() > 2_000
    error = np.sqrt(expected * (1 - expected) / found["size"])
    assert ((found["mean"] - expected).abs() < 4 * error).all()


@pytest.mark.parametrize("kind", KINDS)
def test_accuracy_is_that_of_the_items_of_the_task(kind, make_items, make_base):
    """Annotators of expertise 0 on a task of one option and on one of five."""
    items = make_items([1, 5] * 10, tasks=("one", "five"))
    _, truth = annotate(kind, items, make_base(items), ladder=[0.0] * 5)
    assert truth["accuracy"][truth["task"] == "one"].tolist() == [1.0] * 5
    luck = 0 if kind in ("systematic", "confusable") else 1 / 5
    assert truth["accuracy"][truth["task"] == "five"].tolist() == pytest.approx([luck] * 5)


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    options=st.lists(st.integers(1, 6), min_size=1, max_size=25),
    annotators=st.integers(2, 7),
    ladder=st.sampled_from(["linear", "half-good", "one-good", "all-good"]),
    skew=st.sampled_from([0, 0.3, 1, 4]),
    specialists=st.booleans(),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_options_and_annotators_of_an_item_differ(
    kind, options, annotators, ladder, skew, specialists, seed, data, make_items, make_base
):
    train = make_items(options)
    test = make_items([3, 2], golds=[None, None], split="test").assign(item=["x", "y"])
    items = pd.concat([test, train])
    m = data.draw(st.integers(1, annotators))
    annotations, truth = annotate(
        kind, items, make_base(items), seed, annotators=annotators, labels_per_item=m, skew=skew,
        ladder=ladder, specialists=specialists,
    )  # fmt: skip
    assert annotations["item"].tolist() == train["item"].repeat(m).tolist()
    widths = annotations["item"].map(train.set_index("item")["options"].map(len))
    assert annotations["label"].between(0, widths - 1).all()
    assert not annotations.duplicated(["item", "annotator"]).any()
    loads = annotations["annotator"].value_counts().reindex(truth["annotator"].unique()).fillna(0)
    assert loads.sum() == len(annotations)
    assert skew or loads.max() - loads.min() <= 1
    assert truth["accuracy"].between(0, 1).all()
    assert not truth.duplicated(["annotator", "task"]).any()
    assert len(truth) == annotators * train["task"].nunique()


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_fit_their_schemas(kind, make_items, make_base, tmp_path):
    items = make_items([2, 3, 4] * 4)
    for anonymous in (False, True):
        annotations, truth = annotate(kind, items, make_base(items), anonymous=anonymous)
        tables.write(tmp_path / "annotations.parquet", annotations, tables.ANNOTATIONS)
        tables.write(tmp_path / "truth.parquet", truth, tables.TRUTH)
    names = [f"a{number:02d}" for number in range(10)]
    assert truth["annotator"].tolist() == np.repeat(names, 2).tolist()
    assert truth["task"].tolist() == ["a", "b"] * 10


@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_tables_from_files_and_leaves_them_as_they_are(
    kind, make_items, make_base, tmp_path
):
    """Files give arrays where the tests above have lists."""
    items = make_items([2, 3, 4] * 4)
    tables.write(tmp_path / "items.parquet", items, tables.ITEMS)
    tables.write(tmp_path / "base.parquet", make_base(items), tables.PREDICTIONS)
    read_items = tables.read(tmp_path / "items.parquet", tables.ITEMS)
    read_base = tables.read(tmp_path / "base.parquet", tables.PREDICTIONS)
    before = read_items.copy(deep=True), read_base.copy(deep=True)
    found = annotate(kind, read_items, read_base)
    for table, again in zip(found, annotate(kind, items, make_base(items)), strict=True):
        pd.testing.assert_frame_equal(table, again)
    pd.testing.assert_frame_equal(read_items, before[0])
    pd.testing.assert_frame_equal(read_base, before[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_stream_gives_the_same_labels(kind, make_items, make_base):
    items = make_items([4] * 100)
    base = make_base(items)
    first, second, other = (annotate(kind, items, base, seed) for seed in (0, 0, 1))
    assert first[0].equals(second[0])
    assert first[1].equals(second[1])
    assert not first[0]["label"].equals(other[0]["label"])


@pytest.mark.parametrize("kind", KINDS)
def test_anonymous_withholds_the_ids_and_nothing_else(kind, make_items, make_base):
    items = make_items([4, 3] * 15)
    named, truth = annotate(kind, items, make_base(items))
    unnamed, same_truth = annotate(kind, items, make_base(items), anonymous=True)
    assert unnamed["annotator"].isna().all()
    assert unnamed.drop(columns="annotator").equals(named.drop(columns="annotator"))
    assert truth.equals(same_truth)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "difficulty"])
def test_specialists_have_the_ladder_in_another_order_in_every_task(kind, make_items, make_base):
    items = make_items([4] * 20)
    keys = {"ladder": "linear", "specialists": True}
    _, truth = annotate(kind, items, make_base(items), **keys)
    wide = truth.pivot(index="annotator", columns="task", values="expertise")
    assert wide["a"].tolist() != wide["b"].tolist()
    for task in wide:
        assert sorted(wide[task]) == pytest.approx(settings_of(kind, **keys).expertise)


@pytest.mark.parametrize("hole", [{"gold": None}, {"options": [[]] * 3}])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ambiguity"])
def test_an_item_that_cannot_be_labelled(kind, hole, make_items, make_base):
    items = make_items([3] * 3)
    with pytest.raises(AnnobenchError, match="item 'q0': found no options or no gold label"):
        annotate(kind, items.assign(**hole), make_base(items))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "item 'q0': found 0 probabilities; allowed: 3, one for each option"),
        ({"q0": [0.2, 0.3, 0.5]}, "item 'q1': found 0 probabilities; allowed: 2, one for each opt"),
        (
            {"q0": [0.2, 0.3, 0.5], "q1": [0.2, 0.3, 0.5]},
            "item 'q1': found 3 probabilities; allowed: 2, one for each option",
        ),
        ({"q0": [0.2, 0.3, np.nan], "q1": [0.2, 0.8]}, "item 'q0': found a probability that is"),
    ],
)
@pytest.mark.parametrize("kind", JUDGED)
def test_zero_shot_probabilities_must_fit_the_items(kind, given, sentence, make_items):
    base = given and pd.DataFrame(
        {"item": list(given), "probabilities": [np.array(p) for p in given.values()]}
    )
    with pytest.raises(AnnobenchError, match=f"^zero-shot predictions: {sentence}"):
        annotate(kind, make_items([3, 2]), base)
