"""Cells of a data set of free text, from hand-made predictions to ranks."""

import pandas as pd
import pytest

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation.cells import CellResult
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.measures import text_metrics
from annobench.evaluation.study import evaluate
from annobench.reporting import labels

ANSWERS = {"n": ["3"], "m": ["40", "forty"], "s": ["green bay packers"], "d": ["17 May"]}
TASKS = {"n": "number", "m": "number", "s": "span", "d": "date"}
GOOD = {"n": "3.0", "m": "forty", "s": "the packers", "d": None}
"""Exact: 1, 1, 0, 0. F1: 1, 1, 0.5, 0."""
BAD = {"n": "4", "m": "41", "s": "bay", "d": "17 june"}
"""Exact: none. F1: 0, 0, 0.5 and 0.5."""


def items(copies=1):
    rows = [
        {
            "item": f"{item}{copy}",
            "task": TASKS[item],
            "split": "test",
            "prompt": "?",
            "options": [],
            "gold": None,
            "distribution": None,
            "answers": answers,
        }
        for copy in range(copies)
        for item, answers in ANSWERS.items()
    ]
    train = rows[0] | {"item": "x", "split": "train"}
    return pd.DataFrame([*rows, train])


def cell(method, texts, copies=1, **more):
    rows = [
        {"item": f"{item}{copy}", "probabilities": None, "text": text}
        for copy in reversed(range(copies))
        for item, text in texts.items()
    ]
    predictions = pd.DataFrame(rows)
    return CellResult("drop", "m", method, "half", 0, "ok", predictions=predictions, **more)


def test_metrics_by_hand():
    frames = evaluate([cell("a", GOOD)], {"drop": items()})
    found = frames.metrics.set_index("metric")
    assert found["value"].to_dict() == pytest.approx(
        {
            "exact-match": 2 / 4,
            "f1": 2.5 / 4,
            "exact-match:number": 1,
            "f1:number": 1,
            "exact-match:span": 0,
            "f1:span": 0.5,
            "exact-match:date": 0,
            "f1:date": 0,
        }
    )
    assert found.loc["f1:number", "n"] == 2


def test_intervals_comparisons_and_ranks():
    cells = [cell("bad", BAD, 20), cell("good", GOOD, 20)]
    frames = evaluate(cells, {"drop": items(20)})
    rows = frames.summary.set_index(["metric", "method"])
    assert (
        rows.loc[("exact-match", "good"), "low"] < 0.5 < rows.loc[("exact-match", "good"), "high"]
    )
    assert rows.loc[("exact-match", "good"), "rank"] == 1
    assert rows.loc[("exact-match", "bad"), "rank"] == 2
    assert rows.loc["exact-match:number"]["rank"].isna().all()
    pairs = frames.comparisons.set_index("metric")
    assert set(pairs.index) == {"exact-match", "f1"}
    assert pairs.loc["f1", "difference"] == pytest.approx((1 - 2.5) / 4)
    assert pairs.loc["f1", "items"] == 80
    assert pairs.loc["f1", "high"] < 0


def test_what_was_written_is_measured_alike(tmp_path):
    one = cell("a", GOOD)
    tables.write(tmp_path / "p.parquet", one.predictions, tables.PREDICTIONS)
    tables.write(tmp_path / "i.parquet", items(), tables.ITEMS)
    again = CellResult(
        **one.key, status="ok", predictions=tables.read(tmp_path / "p.parquet", tables.PREDICTIONS)
    )
    written = tables.read(tmp_path / "i.parquet", tables.ITEMS)
    pd.testing.assert_frame_equal(
        evaluate([again], {"drop": written}).metrics, evaluate([one], {"drop": items()}).metrics
    )


def test_targets_are_right_by_exact_match():
    targets = pd.DataFrame({"item": ["x"], "distribution": [[1.0]], "weight": 1.0, "kept": True})
    frames = evaluate([cell("a", GOOD, targets=targets.assign(text="3"))], {"drop": items()})
    found = frames.metrics.set_index("metric")
    assert found.loc["target-accuracy", "value"] == 1


def test_a_prediction_that_is_missing_is_refused():
    without = {item: text for item, text in GOOD.items() if item != "s"}
    with pytest.raises(AnnobenchError, match="no prediction found for test item 's0'"):
        evaluate([cell("a", without)], {"drop": items()})


def test_held_out_texts_have_no_likelihood():
    given = pd.DataFrame({"item": ["n0"], "label": None, "annotator": None, "text": "3"})
    crowd = Crowd("drop", "half", 0, given.assign(corrupted=False), tables.empty(tables.TRUTH))
    found = evaluate([cell("a", GOOD)], {"drop": items()}, [crowd]).metrics["metric"]
    assert "heldout-nll" not in set(found)


@pytest.mark.parametrize("kind", text_metrics())
def test_what_every_text_metric_owes(kind):
    metric = text_metrics()[kind]
    assert metric.score("3", ["4", "3.0"]) == 1
    assert metric.score("3", ["4"]) == metric.score("", ["4"]) == 0
    assert isinstance(metric.score("3", ["3"]), float)
    assert kind in labels.MEASURES
    assert labels.label(f"{kind}:span") == f"{metric.LABEL} (span)"
    assert labels.higher_is_better(kind) == metric.HIGHER_IS_BETTER


def test_metrics_of_text_have_names_of_their_own():
    assert len(set(labels.MEASURES)) == len(labels.MEASURES)
