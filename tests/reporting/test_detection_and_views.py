"""The tables of the detection of wrong labels and of the views, from tables made by hand."""

from pathlib import Path

import pandas as pd
import pytest

from annobench import tables
from annobench.reporting.formats import WRITERS, Estimate
from annobench.reporting.study_tables import StudyTables
from annobench.reporting.tables import detection, views

CELL = {"dataset": "arc", "model": "m", "noise": "response-50"}
MEANS = {
    "robustft": {"detection-precision": 0.9, "detection-auc": 0.8, "lost-hard": None},
    "self-select": {"detection-precision": 0.5},
}


@pytest.fixture
def judged(tmp_path) -> StudyTables:
    """Two methods that judge labels and one that does not; all seeds of one failed elsewhere."""
    summary = [
        CELL
        | {"method": method, "metric": metric, "mean": mean, "low": mean and mean - 0.1}
        | {"high": mean and mean + 0.1, "seeds": 3, "seeds_planned": 3, "items": 0}
        for method, means in MEANS.items()
        for metric, mean in {"accuracy": 0.7, **means}.items()
    ]
    again = [row | {"noise": "response-70"} for row in summary if row["method"] == "robustft"]
    runs = [
        CELL | {"noise": noise, "method": method, "seed": seed, "status": status}
        for noise in ("response-50", "response-70", "linear")
        for method in ("robustft", "self-select", "sft")
        for seed in range(3)
        for status in [_status(method, noise, seed)]
    ]
    reason = "no right label has a base answer that is wrong"
    metrics = CELL | {"method": "robustft", "metric": "lost-hard", "n": 0, "reason": reason}
    frames = {
        "summary": pd.DataFrame(summary + again),
        "runs": pd.DataFrame(runs),
        "metrics": pd.DataFrame([metrics | {"seed": 0, "status": "ok"}]),
    }
    return written(tmp_path, **frames)


def _status(method, noise, seed) -> str:
    if noise == "response-70" and method == "self-select":
        return "diverged"
    return "failed" if (method, noise, seed) == ("robustft", "response-70", 1) else "ok"


def written(folder: Path, **frames: pd.DataFrame) -> StudyTables:
    for name, frame in frames.items():
        tables.write(folder / f"{name}.parquet", frame, tables.STUDY_SCHEMAS[name])
    return StudyTables(folder)


def test_every_method_that_judges_labels_has_a_row_under_every_noise_that_knows(judged):
    found = detection.table(judged, detection.Settings())
    assert found[["noise", "method"]].to_numpy().tolist() == [
        ["response-50", "robustft"],
        ["response-50", "self-select"],
        ["response-70", "robustft"],
        ["response-70", "self-select"],
    ]
    whole, other, part, lost = (row for _, row in found.iterrows())
    assert whole["precision"] == Estimate(0.9, pytest.approx(0.8), pytest.approx(1.0))
    assert whole["AUC"].mean == 0.8
    reason = "no right label has a base answer that is wrong"
    assert whole["right labels of hard items flagged"] == Estimate(None, note=reason)
    assert other["AUC"] == Estimate(None)
    assert part["seeds"] == "2 of 3 (1 failed)"
    assert lost["seeds"] == "0 of 3 (3 diverged)"
    assert lost["precision"] == Estimate(None)


VIEWS = pd.DataFrame(
    {
        "dataset": "arc",
        "model": ["a", "a", "b"],
        "view": ["base", "reasoning-generated", "base-generated"],
        "items": [100, 100, 0],
        "failures": [0, 20, 0],
        "judged": [100, 80, 0],
        "accuracy": [0.8, 0.75, None],
    }
)


def test_views_have_shares_of_what_they_rest_on(tmp_path):
    found = views.table(written(tmp_path, views=VIEWS), views.Settings())
    base, reasoning, none = (row for _, row in found.iterrows())
    assert base["cannot be read, %"].mean == 0
    assert base["cannot be read, %"].high == pytest.approx(3.7, abs=0.05)  # 3.84 / 103.84
    assert base["right of the answered, %"].mean == pytest.approx(80)
    assert base["right of the answered, %"].low == pytest.approx(71.1, abs=0.05)
    assert base["right of the answered, %"].high == pytest.approx(86.7, abs=0.05)
    assert (reasoning["answered"], reasoning["cannot be read, %"].mean) == (80, 20)
    assert none["cannot be read, %"] == none["right of the answered, %"] == Estimate(None)


def test_views_of_some_models(tmp_path):
    settings = views.Settings(models=("b",))
    assert views.table(written(tmp_path, views=VIEWS), settings)["model"].tolist() == ["b"]


@pytest.mark.parametrize("suffix", WRITERS)
def test_they_are_written_in_every_format(suffix, judged, tmp_path):
    for frame in (
        detection.table(judged, detection.Settings()),
        views.table(written(tmp_path, views=VIEWS), views.Settings()),
    ):
        WRITERS[suffix](tmp_path / f"t.{suffix}", frame)
        assert "arc" in (tmp_path / f"t.{suffix}").read_text(encoding="utf-8")
