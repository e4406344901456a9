"""Cells of a data set of people's distributions, from hand-made predictions to ranks."""

import numpy as np
import pandas as pd
import pytest

from annobench import tables
from annobench.distances import jsd_distance
from annobench.errors import AnnobenchError
from annobench.evaluation.cells import CellResult
from annobench.evaluation.measures import directions, distribution_metrics
from annobench.evaluation.study import evaluate

SHARES = [0.5, 0.55, 0.6, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]
"""Of option a: three items of high, three of middle, and three of low entropy. The first ties."""


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    rows = [(f"t{i}", "test", [p, 1 - p]) for i, p in enumerate(SHARES)]
    rows += [("bare", "test", None), ("x", "train", [0.2, 0.8])]
    frame = pd.DataFrame(rows, columns=["item", "split", "distribution"])
    gold = [None if d is None or d[0] == d[1] else int(d[0] < d[1]) for d in frame["distribution"]]
    gold[-2] = 1
    return frame.assign(
        task="nli",
        prompt=[f"{name}?" for name in frame["item"]],
        options=[["a", "b"]] * len(frame),
        gold=pd.array(gold, "Int64"),
        answers=None,
    )


def cell(method, on_a, verbal=None, seed=0, **more) -> CellResult:
    """`on_a`, and `verbal` with None where it could not be read, of t0, t1, ..."""
    names = [f"t{i}" for i in range(len(SHARES))] + ["bare"]
    frame = pd.DataFrame({"item": names, "probabilities": [[p, 1 - p] for p in [*on_a, 0.5]]})
    if verbal is not None:
        read = [None if p is None else [p, 1 - p] for p in [*verbal, 0.0]]
        frame = frame.assign(text="a: ...", verbal=pd.Series(read, dtype=object))
    frame = frame.iloc[::-1].reset_index(drop=True)
    return CellResult("nli", "m", method, None, seed, "ok", predictions=frame, **more)


UNREAD = [*SHARES[:7], None, None]


@pytest.fixture(scope="module")
def frames(items):
    lost = CellResult("nli", "m", "writes", None, 1, "diverged", "loss is NaN")
    cells = [
        cell("flat", [0.5] * 9),
        cell("writes", [0.9] * 9, UNREAD),
        lost,
        cell("hard", [1.0] * 9),
    ]
    return evaluate(cells, {"nli": items})


def value(frames, method, metric, seed=0):
    rows = frames.metrics.set_index(["method", "seed", "metric"])
    return rows.loc[(method, seed, metric), "value"]


def test_both_readings_by_hand(frames):
    human = np.array([[p, 1 - p] for p in SHARES])
    flat = jsd_distance(np.full((9, 2), 0.5), human)
    assert value(frames, "flat", "jsd-distance") == pytest.approx(flat.mean())
    assert value(frames, "writes", "verbal-jsd-distance") == pytest.approx(flat[7:].sum() / 9)
    assert value(frames, "writes", "verbal-jsd-distance:high-entropy") == pytest.approx(0)
    assert value(frames, "writes", "verbal-jsd-distance:low-entropy") == pytest.approx(
        flat[7:].sum() / 3
    )
    assert value(frames, "writes", "unparsed") == pytest.approx(2 / 10)


def test_accuracy_is_of_the_items_with_a_gold_label(frames):
    """Of nine, t0 has none and "bare" has; what could not be read is a fair draw."""
    assert value(frames, "hard", "accuracy") == pytest.approx(8.5 / 9)
    assert value(frames, "writes", "verbal-accuracy") == pytest.approx((6 + 2 / 2 + 1) / 9)
    assert value(frames, "writes", "verbal-accuracy:low-entropy") == pytest.approx(2 / 3)
    found = frames.metrics.set_index(["method", "metric"])
    assert found.loc[("hard", "accuracy:high-entropy"), "n"] == 2
    assert found.loc[("hard", "jsd-distance:high-entropy"), "n"] == 3


def test_only_who_writes_has_verbal_measures(frames):
    verbal = frames.metrics[frames.metrics["metric"].str.startswith("verbal-")]
    assert set(verbal["method"]) == {"writes"}
    kinds = {f"verbal-{kind}" for kind in (*distribution_metrics(), "accuracy")}
    thirds = ("", ":low-entropy", ":middle-entropy", ":high-entropy")
    assert set(verbal["metric"]) == {kind + third for kind in kinds for third in thirds}
    hole = verbal[verbal["seed"] == 1]
    assert hole["value"].isna().all()
    assert len(hole) == len(verbal) / 2
    summary = frames.summary[frames.summary["metric"].str.startswith("verbal-")]
    assert set(summary["method"]) == {"writes"}
    assert set(summary["seeds_planned"]) == {2}


def test_whole_samples_are_compared_and_ranked(frames):
    ranks = frames.summary.set_index(["metric", "method"])["rank"]
    assert ranks["jsd-distance"].notna().all()
    assert ranks["jsd-distance", "hard"] == 3
    assert ranks["verbal-jsd-distance", "writes"] == 1
    assert ranks["jsd-distance:low-entropy"].isna().all()
    assert set(frames.comparisons["metric"]) <= set(directions())
    assert {*distribution_metrics()} - {"entropy-correlation"} <= set(frames.comparisons["metric"])


def test_what_is_not_defined_is_a_hole_with_its_reason(frames):
    """A model that is as sure of one item as of another."""
    rows = frames.metrics.set_index(["method", "seed", "metric"])
    row = rows.loc["flat", 0, "entropy-correlation"]
    assert (row["status"], row["reason"]) == ("ok", "it is not defined on these items")
    assert pd.isna(row["value"])
    summary = frames.summary.set_index(["method", "metric"]).loc["flat", "entropy-correlation"]
    assert (summary["seeds"], summary["seeds_planned"]) == (0, 1)
    assert summary[["mean", "low", "high", "rank"]].isna().all()
    assert "entropy-correlation" not in set(frames.comparisons["metric"])


def test_a_measure_that_some_resamples_leave_undefined_has_an_interval(items):
    """Macro-F1 of one item with a majority and one on which people tie."""
    few = items[items["item"].isin(["t0", "t1"])]
    found = evaluate([cell("a", [0.7] * 9), cell("b", [0.1] * 9)], {"nli": few})
    row = found.summary.set_index(["metric", "method"]).loc["macro-f1", "a"]
    assert row[["mean", "low", "high"]].tolist() == [1, 1, 1]
    pair = found.comparisons.set_index("metric").loc["macro-f1"]
    assert pair[["difference", "low", "high"]].tolist() == [1, 1, 1]
    assert pair["p"] < 0.05


def test_each_known_distribution_is_listed_for_each_ok_cell(frames):
    found = frames.distributions
    assert len(found) == 3 * len(SHARES)
    row = found.set_index(["method", "item"]).loc["writes", "t3"]
    assert (row["prompt"], row["text"]) == ("t3?", "a: ...")
    assert row["human"].tolist() == [0.75, 0.25]
    assert row["verbal"].tolist() == [0.75, 0.25]
    assert row["entropy"] == pytest.approx(2 - 0.75 * np.log2(3))
    assert found.set_index(["method", "item"]).loc["writes", "t8"]["verbal"] is None
    assert found[found["method"] == "flat"][["verbal", "text"]].isna().all(axis=None)


def test_every_frame_fits_its_schema(frames, tmp_path):
    for name, schema in tables.STUDY_SCHEMAS.items():
        path = tmp_path / f"{name}.parquet"
        tables.write(path, getattr(frames, name), schema)
        pd.testing.assert_frame_equal(tables.read(path, schema), getattr(frames, name))


def test_a_model_that_was_asked_about_some_items_has_no_verbal_measures_of_all(items):
    asked = cell("writes", [0.9] * 9, SHARES)
    high = asked.predictions["item"].isin(["t0", "t1", "t2"])
    asked.predictions.loc[~high, ["text", "verbal"]] = None
    found = evaluate([asked], {"nli": items}).metrics
    verbal = found[found["metric"].str.startswith("verbal-")]["metric"]
    assert len(verbal)
    assert verbal.str.endswith(":high-entropy").all()
    assert found.set_index("metric").loc["unparsed", ["value", "n"]].tolist() == [0, 3]


def test_a_written_distribution_must_be_one(items):
    bad = cell("writes", [0.9] * 9, [*SHARES[:8], 0.3])
    bad.predictions.at[1, "verbal"] = [0.3, 0.3]
    with pytest.raises(AnnobenchError, match=r"'t8'.*sum to 1"):
        evaluate([bad], {"nli": items})


def test_gold_measures_are_as_without_distributions(items):
    cells = [cell("a", [0.9] * 9), cell("b", SHARES)]
    known = evaluate(cells, {"nli": items}).summary
    blind = evaluate(cells, {"nli": items.assign(distribution=None)})
    assert set(blind.summary["metric"]) == {"accuracy", "nll", "ece"}
    assert blind.distributions.empty
    kept = known[known["metric"].isin(["accuracy", "nll", "ece"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, blind.summary, check_dtype=False)
