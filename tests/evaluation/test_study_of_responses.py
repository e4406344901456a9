"""A study under noise that knows which labels it made wrong, from cells to a printed table."""

import pandas as pd
import pytest

from annobench import tables
from annobench.evaluation.cells import CellResult
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.study import evaluate
from annobench.reporting.labels import label
from annobench.reporting.study_tables import StudyTables
from annobench.reporting.tables import results

TRAIN = [f"q{i}" for i in range(4)]
DETECTION = ["detection-precision", "detection-recall", "detection-auc", "relabel-accuracy",
             "lost-correct", "lost-hard"]  # fmt: skip
SETTINGS = '{"beta":0.5,"kind":"robustft"}'


def rows(schema, **columns):
    return pd.DataFrame({name: columns.get(name) for name in schema.names})


@pytest.fixture(scope="module")
def items():
    return rows(
        tables.ITEMS,
        item=[*TRAIN, "test"],
        task=["a", "b", "a", "b", "a"],
        split=["train"] * 4 + ["test"],
        prompt="?",
        options=[["x", "y"]] * 5,
        gold=pd.array([0] * 5, "Int64"),
    )


def targets(answers, kept=(True,) * 4, suspicion=None):
    """The answer that each item's target names, 0 being right."""
    distribution = [[1 - answer, answer] for answer in answers]
    return rows(
        tables.TARGETS,
        item=TRAIN,
        distribution=distribution,
        weight=1.0,
        kept=kept,
        reason="",
        suspicion=suspicion,
    )


def view(answers):
    """The untrained model's answers."""
    return rows(tables.VIEW, item=TRAIN, answer=answers)


def cell(method, noise="r", seed=0, status="ok", **more):
    predictions = rows(tables.PREDICTIONS, item=["test"], probabilities=[[0.9, 0.1]])
    found = {"predictions": predictions} if status == "ok" else {"reason": "no memory"}
    return CellResult("d", "m", method, noise, seed, status, **found | more)


def crowd(noise, seed, corrupted):
    labels = rows(tables.ANNOTATIONS, item=TRAIN, label=[1, 1, 0, 0], corrupted=corrupted)
    return Crowd("d", noise, seed, labels, tables.empty(tables.TRUTH))


@pytest.fixture(scope="module")
def frames(items):
    """Two of four labels are wrong; q2 is hard."""
    cells = [
        # q0 relabelled rightly, q1 dropped, q2 relabelled wrongly, q3 trusted
        cell("robustft", seed=0, targets=targets([0, 0, 1, 0], [True, False, True, True],
                                                 [4.0, 3.0, 2.0, 1.0]), settings=SETTINGS),
        # q0 relabelled rightly, the others trusted
        cell("robustft", seed=1, targets=targets([0, 1, 0, 0], suspicion=[2.0, 1.0, 1.0, 0.0]),
             settings=SETTINGS),
        cell("robustft", seed=2, status="out-of-memory", settings=SETTINGS),
        cell("sft", targets=targets([1, 1, 0, 0])),
        cell("self-label", targets=targets([0, 0, 0, 0])),
        cell("robustft", noise="other", targets=targets([0, 0, 0, 0], suspicion=[1.0] * 4)),
        cell("zero-shot", noise=None, seed=None),
    ]  # fmt: skip
    drawn = [crowd("r", seed, [True, True, False, False]) for seed in range(3)]
    drawn.append(crowd("other", 0, None))
    return evaluate(cells, {"d": items}, drawn, {("d", "m", "base"): view([0, 0, 1, 0])})


def select(frame, **where):
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def test_each_cell_that_selects_has_every_measure_of_detection(frames):
    found = select(frames.metrics, method="robustft", seed=0, noise="r").set_index("metric")
    values = found.loc[DETECTION, "value"].tolist()
    assert values == pytest.approx([2 / 3, 1, 1, 1 / 2, 1 / 2, 1])
    assert found.loc[DETECTION, "n"].tolist() == [3, 2, 4, 2, 2, 1]
    assert not any(":" in metric for metric in found.index if metric.startswith("detection"))


def test_a_measure_that_is_not_defined_is_null_with_its_reason(frames):
    found = select(frames.metrics, method="self-label").set_index("metric")
    assert found.loc["detection-recall", "value"] == 1
    assert pd.isna(found.loc["detection-auc", "value"])
    assert found.loc["detection-auc", "reason"] == "labels are not ranked by doubt"


def test_who_does_not_select_or_is_not_known_to_be_right_has_none(frames):
    for where in ({"method": "sft"}, {"method": "zero-shot"}, {"noise": "other"}):
        assert not set(select(frames.metrics, **where)["metric"]) & set(DETECTION)
    assert set(select(frames.metrics, method="self-label")["metric"]) >= set(DETECTION)


def test_the_summary_is_the_mean_over_seeds_within_what_a_share_can_be(frames):
    found = select(frames.summary, method="robustft", noise="r").set_index("metric")
    assert found.loc["detection-recall", "mean"] == pytest.approx((1 + 1 / 2) / 2)
    assert found.loc["detection-precision", "mean"] == pytest.approx((2 / 3 + 1) / 2)
    assert found.loc["lost-hard", "mean"] == pytest.approx((1 + 0) / 2)
    assert (found.loc[DETECTION, "seeds"] == 2).all()
    assert (found.loc[DETECTION, "seeds_planned"] == 3).all()
    assert (found.loc[DETECTION, "low"] >= 0).all()
    assert (found.loc[DETECTION, "high"] <= 1).all()
    hole = select(frames.metrics, method="robustft", seed=2, metric="lost-hard").iloc[0]
    assert (hole["status"], hole["reason"]) == ("out-of-memory", "no memory")


@pytest.mark.parametrize(
    ("views", "lost"),
    [
        ({}, None),
        ({"reasoning": [0, 0, 1, 0]}, None),
        ({"base": [0, 0, 1, 0]}, 1.0),
        ({"base-generated": [0, 0, 1, 0]}, 1.0),
        ({"base": [0, 0, 0, 1], "base-generated": [0, 0, 1, 0], "reasoning": [0, 0, 1, 0]}, 0.0),
    ],
)
def test_hard_items_are_those_of_the_base_view(views, lost, items):
    """q2 is lost and q3 is not."""
    drawn = [crowd("r", 0, [True, True, False, False])]
    asked = {("d", "m", name): view(answers) for name, answers in views.items()}
    losing = cell("robustft", targets=targets([1, 1, 0, 0], [True, True, False, True]))
    found = evaluate([losing], {"d": items}, drawn, asked).metrics
    row = select(found, metric="lost-hard").iloc[0]
    assert (None if pd.isna(row["value"]) else row["value"]) == lost
    assert (row["reason"] is None or pd.isna(row["reason"])) == (lost is not None)
    assert select(found, metric="lost-correct")["value"].tolist() == [0.5]


def test_the_selection_tells_of_each_label_of_methods_that_say_why(frames):
    found = frames.selection
    assert set(zip(found["method"], found["noise"], found["seed"], strict=True)) == {
        ("robustft", "r", 0),
        ("robustft", "r", 1),
    }
    first = found[found["seed"] == 0]
    assert first["item"].tolist() == TRAIN
    assert first["verdict"].tolist() == ["relabelled", "dropped", "relabelled", "trusted"]
    assert first["corrupted"].tolist() == [True, True, False, False]
    assert first["suspicion"].tolist() == [4, 3, 2, 1]
    assert first["nll"].isna().all()
    assert first["right"].tolist() == [True, pd.NA, False, True]


def test_a_run_tells_its_methods_settings(frames):
    assert set(select(frames.runs, method="robustft", noise="r")["settings"]) == {SETTINGS}
    assert select(frames.runs, method="sft")["settings"].isna().all()


@pytest.mark.parametrize("measure", ["detection-precision", "detection-recall", "lost-correct"])
def test_a_table_shows_them_best_first(measure, frames, tmp_path):
    for name, schema in tables.STUDY_SCHEMAS.items():
        tables.write(tmp_path / f"{name}.parquet", getattr(frames, name), schema)
    study = StudyTables(tmp_path)
    assert study.selection["verdict"].value_counts()["trusted"] == 4
    found = results.table(study, results.Settings(metrics=(measure, "lost-hard")))
    shown = found[found["noise"] == "r"]
    assert shown["method"].iloc[0] == "self-label"
    assert list(found.columns[-2:]) == [label(measure), label("lost-hard")]
