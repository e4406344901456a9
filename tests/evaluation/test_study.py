from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation.cells import CellResult
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.study import evaluate
from annobench.evaluation.summary import NO_NOISE, t_interval

TEST_ITEMS = 60


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    """60 test items of 2 options whose gold is 0, one test item without gold, two to train on."""
    rows = [(f"t{i}", "test", 0) for i in range(TEST_ITEMS)]
    rows += [("open", "test", None), ("x", "train", 0), ("y", "train", 1)]
    return pd.DataFrame(
        {
            "item": [item for item, _, _ in rows],
            "task": "geo",
            "split": [split for _, split, _ in rows],
            "prompt": "?",
            "options": [["a", "b"]] * len(rows),
            "gold": pd.array([gold for _, _, gold in rows], "Int64"),
            "distribution": None,
            "answers": None,
        }
    )


def predictions(right: int) -> pd.DataFrame:
    """The first `right` test items at 0.8 on gold, the others at 0.4; in reversed order."""
    names = [f"t{i}" for i in range(TEST_ITEMS)] + ["open"]
    on_gold = [0.8 if i < right else 0.4 for i in range(len(names))]
    frame = pd.DataFrame({"item": names, "probabilities": [[p, 1 - p] for p in on_gold]})
    return frame.iloc[::-1].reset_index(drop=True)


def cell(method, right=None, noise="half-good", seed=0, **more) -> CellResult:
    if right is not None:
        more = {"status": "ok", "predictions": predictions(right)} | more
    return CellResult(dataset="geo", model="m", method=method, noise=noise, seed=seed, **more)


def annotators(*expertise):
    names = [f"a{i}" for i in range(len(expertise))]
    return pd.DataFrame(
        {"annotator": names, "task": "geo", "expertise": expertise, "annotations": 3}
    ).assign(low=0.0, high=1.0, agreement=0.5, guessing=False)


def crowd(*labels, noise="half-good", seed=0, truth=()) -> Crowd:
    """`labels` are (item, label, annotator); `truth` is the true expertise of a0, a1, ..."""
    true = tables.empty(tables.TRUTH)
    if truth:
        true = annotators(*truth).drop(columns="annotations").assign(accuracy=truth)
    given = pd.DataFrame(labels, columns=["item", "label", "annotator"])
    return Crowd("geo", noise, seed, given.assign(text=None, corrupted=None), true)


def targets(*on_gold):
    return pd.DataFrame(
        {
            "item": ["x", "y"],
            "annotator": None,
            "distribution": [[on_gold[0], 1 - on_gold[0]], [1 - on_gold[1], on_gold[1]]],
            "weight": 1.0,
            "kept": True,
            "text": None,
            "reason": "",
        }
    )


@pytest.fixture(scope="module")
def frames(items):
    cells = [
        cell("zero-shot", 30, noise=None, seed=None),
        cell("clean", 55, noise=None, seed=0),
        cell("clean", 57, noise=None, seed=1),
        cell("realm", 50, seed=0, annotators=annotators(0.1, 0.9)),
        cell("realm", seed=1, status="diverged", reason="loss is NaN at step 3"),
        cell("sft", 40, seed=0, targets=targets(1.0, 0.5)),
        cell("sft", 42, seed=1, targets=targets(1.0, 0.7)),
        cell("sft", 35, noise="one-good", seed=0),
        cell("sft", 36, noise="one-good", seed=1),
        cell("lost", seed=0, status="failed", reason="no space"),
    ]
    drawn = crowd(("x", 0, "a0"), ("x", 1, "a1"), ("y", 1, "a1"), truth=(0.2, 0.8))
    return evaluate(cells, {"geo": items}, [drawn])


def select(frame, **where):
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def test_every_frame_fits_its_schema(frames, tmp_path):
    for name, schema in tables.STUDY_SCHEMAS.items():
        path = tmp_path / f"{name}.parquet"
        tables.write(path, getattr(frames, name), schema)
        assert len(tables.read(path, schema)) == len(getattr(frames, name))


def test_metrics_by_hand(frames):
    found = select(frames.metrics, method="sft", noise="half-good", seed=1).set_index("metric")
    assert found.loc["accuracy", "value"] == pytest.approx(42 / 60)
    assert found.loc["accuracy", "n"] == TEST_ITEMS
    expected = -(42 * np.log(0.8) + 18 * np.log(0.4)) / 60
    assert found.loc["nll", "value"] == pytest.approx(expected)
    assert found.loc["target-accuracy", "value"] == pytest.approx(0.85)
    assert found.loc["target-accuracy", "n"] == 2


def test_a_hole_keeps_its_rows_with_the_reason(frames):
    hole = select(frames.metrics, method="realm", seed=1)
    assert set(hole["metric"]) == {"accuracy", "nll", "ece", "expertise-spearman"}
    assert hole["value"].isna().all()
    assert set(hole["reason"]) == {"loss is NaN at step 3"}
    row = select(frames.summary, method="realm", metric="accuracy").iloc[0]
    assert (row["seeds"], row["seeds_planned"]) == (1, 2)
    assert row["mean"] == pytest.approx(50 / 60)


def test_a_method_without_any_result_is_still_listed(frames):
    row = select(frames.summary, method="lost", metric="accuracy").iloc[0]
    assert (row["seeds"], row["seeds_planned"]) == (0, 1)
    assert row[["mean", "low", "high", "rank"]].isna().all()
    pairs = frames.comparisons
    assert "lost" not in set(pairs["method"]) | set(pairs["other"])


def test_what_does_not_depend_on_noise_stands_under_every_noise(frames):
    accuracy = select(frames.summary, metric="accuracy")
    for method in ("zero-shot", "clean"):
        rows = select(accuracy, method=method)
        assert list(rows["noise"]) == ["half-good", "one-good"]
        assert rows["mean"].nunique() == rows["low"].nunique() == 1
    assert set(select(accuracy, method="realm")["noise"]) == {"half-good"}


def test_a_model_that_nothing_trains_stands_under_the_noises_of_its_data_set(items):
    shelf = [replace(cell("zero-shot", 2, noise=None, seed=None), model=m) for m in ("one", "two")]
    noisy = replace(cell("sft", 1), model="one")
    found = evaluate([*shelf, noisy], {"geo": items}).summary
    assert set(found["noise"]) == {"half-good"}
    assert set(found.loc[found["model"] == "two", "method"]) == {"zero-shot"}


def test_pairs_meet_on_common_seeds(frames):
    pairs = select(frames.comparisons, metric="accuracy", noise="half-good")
    pairs = pairs.set_index(["method", "other"])
    assert len(pairs) == 6
    one = pairs.loc[("realm", "sft")]
    assert one["seeds"] == 1  # realm's other seed diverged
    assert one["difference"] == pytest.approx(10 / 60)
    both = pairs.loc[("zero-shot", "sft")]  # the same predictions against either seed
    assert both["seeds"] == 2
    assert both["difference"] == pytest.approx(30 / 60 - 41 / 60)
    assert both["low"] < both["difference"] < both["high"] < 0
    assert (pairs["p_adjusted"] >= pairs["p"]).all()


def test_ranks_follow_the_adjusted_p(frames):
    rows = select(frames.summary, metric="accuracy", noise="one-good").set_index("method")
    assert rows.loc["clean", "rank"] == 1
    assert rows.loc["sft", "rank"] == 2
    nll = select(frames.summary, metric="nll", noise="one-good").set_index("method")
    assert nll.loc["clean", "rank"] == 1  # lower is better


def test_agreement_has_a_t_interval_and_no_rank(frames):
    row = select(frames.summary, method="sft", metric="target-accuracy").iloc[0]
    # Two seeds, 0.75 and 0.85: 12.706 * 0.0707 / sqrt 2 = 0.635, cut at 1.
    assert row["mean"] == pytest.approx(0.80)
    assert row["low"] == pytest.approx(0.80 - 0.635, abs=1e-3)
    assert row["high"] == 1
    assert row["items"] == 0
    assert pd.isna(row["rank"])
    single = select(frames.summary, method="realm", metric="expertise-spearman").iloc[0]
    assert single["mean"] == pytest.approx(1)
    assert single[["low", "high"]].isna().all()


def test_annotators_carry_the_truth(frames):
    assert frames.annotators["true_expertise"].tolist() == [0.2, 0.8]
    assert frames.annotators["seed"].tolist() == [0, 0]


def test_the_order_of_cells_changes_no_number(items):
    cells = [cell(m, r + 3 * s, seed=s) for m, r in (("a", 50), ("b", 40)) for s in (0, 1, 2)]
    forth, back = (evaluate(c, {"geo": items}).summary for c in (cells, cells[::-1]))
    keys = ["method", "metric"]
    forth, back = (f.sort_values(keys).reset_index(drop=True) for f in (forth, back))
    pd.testing.assert_frame_equal(forth, back)


def test_a_study_without_noise_has_a_name_no_noise_can_have(items):
    frames = evaluate([cell("zero-shot", 30, noise=None, seed=None)], {"geo": items})
    assert set(frames.summary["noise"]) == {NO_NOISE}
    assert frames.comparisons.empty


def test_no_gold_no_item_metrics(items):
    blind = items.assign(gold=items["gold"].where(items["split"] != "test"))
    frames = evaluate([cell("sft", 40, targets=targets(1.0, 0.5))], {"geo": blind})
    assert frames.metrics["metric"].tolist() == ["target-accuracy"]
    assert frames.summary["metric"].tolist() == ["target-accuracy"]


def test_no_cells_no_rows(items):
    assert evaluate([], {"geo": items}).summary.empty


def broken(frame, **change):
    return cell("sft", status="ok", predictions=frame.assign(**change))


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (broken(predictions(1).iloc[:-1]), "'t0'"),
        (broken(pd.concat([predictions(1), predictions(2)])), "found twice"),
        (broken(predictions(1), probabilities=[[0.2, 0.2, 0.6]] * 61), "found 3"),
        (broken(predictions(1), probabilities=[[0.2, 0.2]] * 61), "sum to 1"),
        (broken(predictions(1), probabilities=[[np.nan, 0.2]] * 61), "sum to 1"),
        (cell("sft", status="ok"), "without predictions"),
        (CellResult("geography", "m", "sft", None, 0, "ok"), "allowed: geo"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(items, bad, word):
    with pytest.raises(AnnobenchError, match=word):
        evaluate([bad], {"geo": items})


def test_a_cell_comes_once(items):
    with pytest.raises(AnnobenchError, match="twice"):
        evaluate([cell("sft", 40), cell("sft", 40)], {"geo": items})


def test_t_interval_of_nothing_is_nothing():
    assert np.isnan(t_interval(np.array([]), 0, 1)).all()


def two_tasks(items):
    task = np.where(items["item"].isin([f"t{i}" for i in range(20)]), "city", "river")
    return items.assign(task=task)


def test_each_of_several_tasks_has_its_own_metrics_but_no_pairs(items):
    cells = [cell("a", 50, seed=0), cell("b", 10, seed=0)]
    frames = evaluate(cells, {"geo": two_tasks(items)})
    found = select(frames.summary, method="a").set_index("metric")
    assert found.loc["accuracy", "mean"] == pytest.approx(50 / 60)
    assert found.loc["accuracy:city", "mean"] == 1
    assert found.loc["accuracy:river", "mean"] == pytest.approx(30 / 40)
    assert found.loc["accuracy:river", "low"] < 30 / 40 < found.loc["accuracy:river", "high"]
    assert found.loc["accuracy:river", "items"] == 40
    assert found.loc[["accuracy:city", "nll:river"], "rank"].isna().all()
    assert set(frames.comparisons["metric"]) == {"accuracy", "nll", "ece"}
    whole = evaluate(cells, {"geo": items})
    pd.testing.assert_frame_equal(whole.comparisons, frames.comparisons)


HELD_OUT = [("t0", 0, "a0"), ("t0", 1, "a1"), ("t59", 1, "a0"), ("open", 0, None)]


@pytest.fixture(scope="module")
def blind_frames(items):
    """No gold anywhere; labels of three test items under one of two noises, the same each seed."""
    blind = items.assign(gold=pd.array([None] * len(items), "Int64"))
    cells = [
        cell("zero-shot", 30, noise=None, seed=None),
        cell("sft", 40, seed=0),
        cell("sft", 40, seed=1),
        cell("realm", 40, seed=0, annotators=annotators(1.0, 0.0)),
        cell("realm", seed=1, status="diverged", reason="loss is NaN"),
        cell("sft", 40, noise="other", seed=0),
    ]
    crowds = [crowd(("x", 0, "a0"), *HELD_OUT, seed=seed) for seed in (0, 1)]
    return evaluate(cells, {"geo": blind}, [*crowds, crowd(("x", 1, "a0"), noise="other")])


def test_without_gold_the_held_out_likelihood_is_measured_and_ranked(blind_frames):
    assert set(blind_frames.summary["metric"]) == {"heldout-nll"}
    found = blind_frames.summary.set_index("method")
    # 0.8 on 0 of t0, 0.4 on 0 of t59 and open; a0 is believed, a1 guesses, nobody is the mean 0.5.
    alone = -(np.log(0.8) + np.log(0.2) + np.log(0.6) + np.log(0.4)) / 4
    mixed = -(np.log(0.8) + np.log(0.5) + np.log(0.6) + np.log(0.45)) / 4
    assert found.loc["sft", "mean"] == pytest.approx(alone)
    assert found.loc["realm", "mean"] == pytest.approx(mixed)
    assert found["items"].tolist() == [3, 3, 3]
    assert found["noise"].unique().tolist() == ["half-good"]
    assert found["rank"].notna().all()
    pairs = blind_frames.comparisons
    assert len(pairs) == 3
    assert set(pairs["metric"]) == {"heldout-nll"}


def test_a_cell_without_noise_is_measured_on_the_labels_of_each(blind_frames):
    rows = select(blind_frames.metrics, metric="heldout-nll")
    assert select(rows, method="zero-shot")["noise"].tolist() == ["half-good"]
    assert set(rows["noise"]) == {"half-good"}  # the other noise holds no label out
    hole = select(rows, method="realm", seed=1).iloc[0]
    assert pd.isna(hole["value"])
    assert hole["reason"] == "loss is NaN"


def test_gold_and_held_out_labels_give_both(items):
    frames = evaluate([cell("sft", 40)], {"geo": items}, [crowd(*HELD_OUT)])
    found = select(frames.summary, method="sft").set_index("metric")
    assert found.loc["accuracy", "items"] == 60
    assert found.loc["heldout-nll", "items"] == 3
    alone = evaluate([cell("sft", 40)], {"geo": items}).summary.set_index("metric")
    assert found.loc["accuracy", "low"] == alone.loc["accuracy", "low"]


def test_a_held_out_label_is_an_option_of_its_item(items):
    with pytest.raises(AnnobenchError, match=r"half-good: test item 't3': found label 2"):
        evaluate([cell("sft", 40)], {"geo": items}, [crowd(("t3", 2, "a0"))])


def test_crowds_are_measured(frames):
    row = frames.crowds.iloc[0]
    assert (row["noise"], row["seed"], row["annotators"], row["items"]) == ("half-good", 0, 2, 2)
    assert row["label_accuracy"] == pytest.approx(2 / 3)
    assert row["expected_accuracy"] == pytest.approx((0.2 + 2 * 0.8) / 3)


def test_a_cell_that_only_estimates_is_not_measured_on_items(items):
    users = pd.DataFrame(
        [{"annotator": "ann", "task": "geo", "expertise": 0.5, "annotations": 3}],
        columns=tables.ANNOTATORS.names,
    )
    found = evaluate([cell("users", status="ok", annotators=users)], {"geo": items})
    assert found.metrics["value"].isna().all()
    assert set(found.metrics["reason"]) == {"it predicts no item"}
    assert found.annotators["annotator"].tolist() == ["ann"]
    assert found.summary["mean"].isna().all()
