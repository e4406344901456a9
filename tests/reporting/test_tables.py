"""What every table keeps to, and each table's own numbers."""

import pandas as pd
import pytest

from annobench import registry
from annobench.reporting.formats import WRITERS, Estimate
from annobench.reporting.tables import cells, comparisons, expertise, results
from annobench.settings import Settings

KINDS = registry.kinds("reporting.tables")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_table_is_written_the_same_twice(kind, suffix, study, tmp_path):
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


def test_cells_count_statuses_and_costs(study):
    frame = cells.table(study, cells.Settings())
    realm = row(frame, method="realm")
    assert (realm["cells"], realm["ok"], realm["diverged"]) == (9, 8, 1)
    majority = row(frame, method="majority")
    assert (majority["ok"], majority["out-of-memory"]) == (6, 3)
    assert 15 <= majority["training, s"] <= 18
    assert majority["peak memory, GiB"] == pytest.approx(1.2e9 / 2**30, rel=1e-6)


@pytest.mark.parametrize("settings", [{"metrics": ["acuracy"]}, {"metrics": []}])
def test_settings_refuse_unknown_measures(settings):
    with pytest.raises(ValueError, match=r"accuracy|at least 1"):
        results.Settings(**settings)
