"""What every table keeps to, and each table's own numbers."""

from pathlib import Path

import pandas as pd
import pytest

from annobench import registry
from annobench.errors import AnnobenchError
from annobench.reporting.formats import WRITERS, Estimate
from annobench.reporting.tables import cells, comparisons, costs, expertise, published, results
from annobench.settings import Settings

KINDS = registry.kinds("reporting.tables")
OF_USERS = ("recovery", "users")
"""Kinds that show nothing of studies without comparisons by users."""


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """Paths in a study are relative to the working folder."""
    monkeypatch.chdir(Path(__file__).parents[2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_table_is_written_the_same_twice(kind, suffix, request, tmp_path):
    study = request.getfixturevalue("users_study" if kind in OF_USERS else "study")
    module = registry.component("reporting.tables", kind)
    assert issubclass(module.Settings, Settings)
    for name in ("a", "b"):
        frame = module.table(study, module.Settings())
        assert len(frame) > 0
        WRITERS[suffix](tmp_path / f"{name}.{suffix}", frame)
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "comparisons"])
def test_an_empty_study_gives_an_empty_table(kind, empty_study):
    module = registry.component("reporting.tables", kind)
    assert module.table(empty_study, module.Settings()).empty


def row(frame: pd.DataFrame, **where) -> pd.Series:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_results_show_estimates_and_holes(study):
    frame = results.table(study, results.Settings(metrics=("accuracy", "target-accuracy")))
    assert len(frame) == 6 * 3
    good = row(frame, noise="half-good", method="realm")
    assert good["accuracy"].mean == pytest.approx(0.71)
    assert good["accuracy"].low < 0.71 < good["accuracy"].high
    assert good["accuracy"].rank == 1
    assert good["seeds"] == "3 of 3"
    assert row(frame, noise="one-good", method="realm")["seeds"] == "2 of 3 (1 diverged)"
    lost = row(frame, noise="linear", method="majority")
    assert lost["seeds"] == "0 of 3 (3 out-of-memory)"
    assert lost["accuracy"] == Estimate(None)


def test_the_reference_is_what_others_are_subtracted_from(study):
    frame = comparisons.table(study, comparisons.Settings())
    half = frame[frame["noise"] == "half-good"]
    assert set(half["realm minus"]) == {"zero-shot", "clean", "sft", "majority", "dawid-skene"}
    found = row(half, **{"realm minus": "sft"})
    assert found["difference"].mean == pytest.approx(0.71 - 0.63)
    assert 0 < found["difference"].low < found["difference"].high
    assert found["adjusted p"] >= found["p"]


def test_a_turned_pair_is_the_same_pair(study):
    forth = comparisons.table(study, comparisons.Settings())
    back = comparisons.table(study, comparisons.Settings(reference="sft"))
    a = row(forth, noise="linear", **{"realm minus": "sft"})
    b = row(back, noise="linear", **{"sft minus": "realm"})
    assert a["difference"].mean == -b["difference"].mean
    assert (a["difference"].low, a["difference"].high) == (
        -b["difference"].high,
        -b["difference"].low,
    )
    assert a["p"] == b["p"]


def test_expertise_of_methods_that_learn_it(study):
    frame = expertise.table(study, expertise.Settings())
    assert set(frame["method"]) == {"dawid-skene", "realm"}
    found = row(frame, noise="one-good", method="realm")
    assert found["seeds"] == "2 of 3 (1 diverged)"
    # One high among ten, nine tied: the best Spearman there is, 49.5 / sqrt(82.5 * 90)... by ranks.
    best = pd.Series([10.0] + [5.0] * 9).corr(pd.Series(range(10, 0, -1)), method="pearson")
    assert found["value"].mean == pytest.approx(best)


def test_cells_count_statuses(study):
    frame = cells.table(study, cells.Settings())
    realm = row(frame, method="realm")
    assert (realm["cells"], realm["ok"], realm["diverged"]) == (9, 8, 1)
    majority = row(frame, method="majority")
    assert (majority["ok"], majority["out-of-memory"]) == (6, 3)


def test_costs_are_medians_over_cells(study):
    frame = costs.table(study, costs.Settings())
    majority = row(frame, method="majority")
    assert majority["cells"] == 9
    assert 15 <= majority["training, s"] <= 18
    assert majority["peak memory, GiB"] == pytest.approx(1.2e9 / 2**30, rel=1e-6)


@pytest.mark.parametrize("settings", [{"metrics": ["acuracy"]}, {"metrics": []}])
def test_settings_refuse_unknown_measures(settings):
    with pytest.raises(ValueError, match=r"accuracy|at least 1"):
        results.Settings(**settings)


def test_without_gold_the_held_out_likelihood_leads(blind_study):
    frame = results.table(blind_study, results.Settings())
    assert frame.columns[5:].tolist() == ["held-out NLL"]
    means = [value.mean for value in frame["held-out NLL"]]
    assert means == sorted(means)
    assert frame["method"][0] in ("realm", "dawid-skene")  # they know whom to believe
    assert frame["held-out NLL"][0].rank == 1


def test_results_by_task(tasks_study):
    names = {"noises": ("half-good",), "models": ("smollm2-135m",), "methods": ("realm", "sft")}
    settings = results.Settings(metrics=("accuracy",), by_task=True, **names)
    frame = results.table(tasks_study, settings)
    assert frame["method"].tolist() == ["realm", "sft"]
    by_task = [f"accuracy ({task})" for task in ("arc", "openbookqa", "riddlesense", "piqa")]
    assert frame.columns[5:].tolist() == ["accuracy", *by_task]
    mean = sum(frame[name][0].mean for name in by_task) / 4
    assert mean == pytest.approx(frame["accuracy"][0].mean)  # equally many items of each


def test_comparisons_of_some_methods_and_noises(study):
    settings = comparisons.Settings(methods=("sft",), noises=("linear",))
    frame = comparisons.table(study, settings)
    assert frame[["noise", "realm minus"]].to_numpy().tolist() == [["linear", "sft"]]


def test_published_numbers_stand_beside_ours(tasks_study):
    names = {"noises": ("half-good",), "models": ("smollm2-135m",), "methods": ("realm", "sft")}
    rows = {"mixed": None, "mixed/arc": "ARC", "mixed/piqa": "PIQA"}
    frame = published.table(tasks_study, published.Settings(rows=rows, **names))
    assert frame["dataset"].tolist()[:3] == list(rows)
    whole = row(frame, dataset="mixed")
    place = {"model": "smollm2-135m", "noise": "half-good", "method": "realm"}
    summary = row(tasks_study.summary, metric="accuracy", **place)
    assert whole["realm"].mean == pytest.approx(100 * summary["mean"])
    assert whole["realm"].low == pytest.approx(100 * summary["low"])
    assert whole["paper: REALM, %"] == "no published number"
    arc = row(frame, dataset="mixed/arc")
    assert arc["paper: REALM, %"] == "paper: 62.85 (S)"
    assert arc["sft"].mean is not None
    assert row(frame, dataset="mixed/piqa")["paper: gain over noisy SFT, % at most"] == (
        "paper: 50 (P)"
    )
    alone = frame[frame["dataset"] == published.NOT_HERE].set_index("paper's row")
    assert alone.index.tolist() == ["PubMedQA", "OBQA", "Riddle"]
    assert alone.loc["PubMedQA", "paper: REALM, %"] == "paper: 60.95 and 62.1 (S)"
    assert pd.isna(alone.loc["PubMedQA", "realm"])


def test_every_data_set_and_task_stands_there_without_being_named(tasks_study):
    settings = published.Settings(noises=("half-good",), table="multi-task")
    frame = published.table(tasks_study, settings)
    tasks = [f"mixed/{task}" for task in ("arc", "openbookqa", "riddlesense", "piqa")]
    assert frame["dataset"].unique().tolist() == ["mixed", *tasks, published.NOT_HERE]
    assert set(frame["paper: REALM, %"]) == {"no published number", "paper: 62.69 (S)"}


def test_a_hole_beside_a_published_number(study):
    frame = published.table(study, published.Settings(noises=("linear",)))
    assert row(frame, dataset="geo")["majority"] == Estimate(None, note="3 out-of-memory")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table": "single"}, r"realm\.csv: table 'single' is unknown: did you mean 'single-task'"),
        ({"rows": {"geo": "OBQ"}}, r"realm\.csv: row 'OBQ' is unknown: did you mean 'OBQA'"),
        ({"path": "studies/published/none.csv"}, r"none\.csv: cannot be read as CSV"),
    ],
)
def test_what_is_not_published_is_refused_by_name(study, settings, message):
    with pytest.raises(AnnobenchError, match=message):
        published.table(study, published.Settings(**settings))
