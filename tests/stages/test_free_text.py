"""Cells whose items ask for free text: from corrupted answers to predictions in words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from annobench import tables
from annobench.evaluation.cells import CellResult
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.study import evaluate
from annobench.models.settings import Full, Lora, TopLayers
from annobench.noise import response
from annobench.registry import component, kinds
from annobench.stages.record import record
from annobench.stages.train import run

KINDS = [kind for kind in kinds("methods") if not component("methods", kind).NEEDS.options]


@pytest.fixture
def items():
    """18 training and 9 test questions of two types of answer."""
    answers = {"colour": ["red", "green", "dark blue"], "thing": ["cat", "dog", "light box"]}
    rows = []
    for number in range(27):
        task = ("colour", "thing")[number % 2]
        thing = ("ball", "door", "wall")[number % 3]
        rows.append(
            {
                "item": f"q{number:02d}",
                "task": task,
                "split": "train" if number % 3 else "test",
                "prompt": f"which is the {thing} {'of ' * (number % 9)}?",
                "options": [],
                "gold": None,
                "distribution": None,
                "answers": [answers[task][number % 3]],
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture
def annotations(items):
    settings = response.Settings(rate=0.5)
    return response.annotate(items, None, settings, np.random.default_rng(0))[0]


@pytest.mark.parametrize(
    ("kind", "tune", "family"),
    [
        *((kind, Full(), "llama") for kind in KINDS),
        ("token-sft", TopLayers(layers=1), "llama"),
        ("token-sft", Lora(rank=2), "llama"),
        ("token-sft", Full(), "t5"),
    ],
)
def test_a_cell_answers_in_words(
    job, saving, read_all, tmp_path, items, annotations, kind, tune, family
):
    settings = {"checker": None} if kind == "robustft" else {}  # the tiny model is never right
    cell = job(kind, family, tune, settings)
    summary = record(cell, saving, {"method": {"kind": kind}}, tmp_path / "cell")
    assert summary["status"] == "ok", summary["reason"]
    found = read_all(tmp_path / "cell")
    assert (
        found["predictions"]["item"].tolist()
        == items.loc[items["split"] == "test", "item"].tolist()
    )
    assert found["predictions"]["probabilities"].isna().all()
    kept = found["targets"][found["targets"]["kept"]]
    assert kept["text"].str.len().gt(0).all()
    assert (len(kept) > 0) == cell.method.NEEDS.training

    result = CellResult(
        dataset="d", model="m", method=kind, noise="r", seed=0, status="ok",
        predictions=found["predictions"], targets=found["targets"],
    )  # fmt: skip
    drawn = Crowd("d", "r", 0, annotations, tables.empty(tables.TRUTH))
    metrics = evaluate([result], {"d": items}, [drawn]).metrics.set_index("metric")["value"]
    assert metrics[["exact-match", "f1"]].between(0, 1).all()
    assert metrics[["exact-match:colour", "exact-match:thing"]].between(0, 1).all()


def test_a_model_learns_to_say_an_answer_and_to_stop(job, saving, items):
    """Every question has one answer of two words; many epochs on it, and it is all that is said."""
    same = items.assign(answers=[["dark blue"]] * len(items))
    cell = replace(job("token-clean", epochs=40, lr=1e-2), items=same)
    assert run(cell, saving).predictions["text"].tolist() == ["dark blue"] * 9
