"""Tables and figures of users who compare responses, from tables made by hand."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from annobench.reporting import estimators
from annobench.reporting.figures import accuracy_by_crowd, attentiveness, mu_sweep, recovery
from annobench.reporting.formats import Estimate
from annobench.reporting.labels import higher_is_better, label
from annobench.reporting.tables import recovery as recoveries
from annobench.reporting.tables import users

PLACE = {"dataset": "geo-large-gap", "noise": "users-50"}
HERE = {"datasets": ("geo-large-gap",), "noises": ("users-50",)}


def select(frame, **where):
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def words(figure) -> set[str]:
    return {text.get_text().replace("\n", " ") for text in figure.findobj(Text)}


def curve(panel, look):
    """The line through an estimator's points."""
    return next(
        line
        for line in panel.lines
        if to_rgb(line.get_color()) == to_rgb(look.colour) and len(line.get_xdata()) > 2
    )


def test_measures_have_names_and_ways():
    assert label("win-rate") == "win rate against the start"
    assert higher_is_better("reward-accuracy")
    assert not higher_is_better("kl-start")
    assert not higher_is_better("attentiveness-mae")


def test_recovery_is_a_mean_over_seeds(users_study):
    figure = recovery.figure(users_study, recovery.Settings(**HERE))
    precision, recall = figure.axes
    look = estimators.looks(users_study)["beta"]
    rows = select(users_study.recovery, **PLACE, estimator="beta")
    rows = rows[rows["mu"].isna()].groupby("comparisons")
    for panel, measure in ((precision, "precision"), (recall, "recall")):
        line = curve(panel, look)
        assert line.get_ydata() == pytest.approx(rows[measure].mean().to_numpy())
        assert line.get_xdata() == pytest.approx([2, 5, 10, 20, 50], rel=0.2)
    assert "true \N{GREEK SMALL LETTER MU} 0.78; refused in part: three-types" in words(figure)
    assert "comparisons per user, at most" in words(figure)


def test_one_model_twice_is_shown_as_refused(users_study):
    settings = recovery.Settings(datasets=("one-model-twice",), noises=("users-50",))
    figure = recovery.figure(users_study, settings)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert sum(len(line.get_xdata()) for line in crosses) == 4 * 5
    assert any("refused: all" in text for text in words(figure))


def test_columns_that_do_not_fit_stand_below(users_study):
    figure = recovery.figure(users_study, recovery.Settings(width="column"))
    assert len(figure.axes) == 9 * 2
    assert {panel.get_subplotspec().get_gridspec().ncols for panel in figure.axes} == {2}


def test_the_sweep_has_the_truth_and_what_is_found(users_study):
    figure = mu_sweep.figure(users_study, mu_sweep.Settings(**HERE))
    share, precision, recall = figure.axes
    look = estimators.looks(users_study)["two-types"]
    line = curve(share, look)
    true = 0.784
    assert line.get_xdata() == pytest.approx([0.55, 0.6, 0.65, 0.7, 0.75, true, 0.8, 0.9], abs=0.01)
    rows = select(users_study.recovery, **PLACE, estimator="two-types")
    at_nine = rows[rows["mu"] == 0.9]["share"].mean()
    assert line.get_ydata()[-1] == pytest.approx(at_nine)
    assert line.get_ydata()[5] == pytest.approx(0.5)
    for panel in (share, precision, recall):
        assert any(np.allclose(line.get_xdata(), true) for line in panel.lines)
        hollow = [line for line in panel.lines if line.get_markerfacecolor() == "white"]
        assert len(hollow) == 4
        assert hollow[0].get_xdata() == pytest.approx([true])


@pytest.mark.parametrize("true", [np.array([0.0, 1, 0, 1, 0]), np.array([0.3, 0.3, 0.4, 0.4, 0.3])])
def test_users_of_one_true_value_rise_side_by_side(true):
    estimated = np.array([0.5, 0.9, 0.1, 0.2, 0.5])
    places = attentiveness.strips(true, estimated)
    low = true == true.min()
    assert places[low].max() < places[~low].min()
    for level in (low, ~low):
        order = np.argsort(places[level])
        assert (np.diff(estimated[level][order]) >= 0).all()
        assert len(set(places[level])) == level.sum()


def test_estimates_have_their_intervals(users_study):
    some = {"datasets": ("geo-large-gap",), "noises": ("users-beta", "users-50")}
    figure = attentiveness.figure(users_study, attentiveness.Settings(**some))
    strips, scattered = figure.axes
    rows = select(users_study.annotators, dataset="geo-large-gap", noise="users-beta")
    points = scattered.lines[-1]
    assert points.get_xdata() == pytest.approx(rows["true_expertise"].to_numpy())
    assert points.get_ydata() == pytest.approx(rows["expertise"].to_numpy())
    ends = np.array([path.vertices[:, 1] for path in scattered.collections[0].get_paths()])
    assert ends == pytest.approx(rows[["low", "high"]].to_numpy())
    assert len(strips.lines[-1].get_xdata()) == 2 * 40
    assert {"MAE 0.16, \N{GREEK SMALL LETTER RHO} 0.80, 1 diverged"} <= words(figure)


def test_results_stand_at_the_true_share(users_study):
    settings = accuracy_by_crowd.Settings(
        x="attentive-share",
        metric="win-rate",
        datasets=("geo-large-gap",),
        noises=("users-30", "users-50"),
    )
    figure = accuracy_by_crowd.figure(users_study, settings)
    line = curve_of_two(figure.axes[0], users_study.looks["dpo-oracle"])
    assert line.get_xdata() == pytest.approx([0.3, 0.5], abs=0.02)
    assert line.get_ydata() == pytest.approx([0.68 + 0.075, 0.68 + 0.125])
    assert {"true share of attentive users", "win rate against the start"} <= words(figure)


def curve_of_two(panel, look):
    return next(
        line
        for line in panel.lines
        if (line.get_color(), line.get_marker()) == (look.colour, look.marker)
    )


def test_the_table_of_users_has_labels_before_and_after(users_study):
    found = users.table(users_study, users.Settings(**HERE)).set_index("method")
    assert found.index.tolist() == ["dpo", "dpo-users", "dpo-oracle", "dpo-random"]
    row = found.loc["dpo-users"]
    assert (row["users"], row["comparisons"]) == (40, 2000)
    assert row["seeds"] == "2 of 3 (1 diverged)"
    assert row["MAE"] == Estimate(0.16, pytest.approx(0.12), pytest.approx(0.2))
    assert row["right labels before"].mean == pytest.approx(0.76)
    assert row["right labels before"].low < 0.76 < row["right labels before"].high
    assert row["right labels after"].mean == 0.8
    assert found.loc["dpo", "AUC"] == Estimate(None)


def test_the_table_of_recovery_says_why_there_is_no_estimate(users_study):
    found = recoveries.table(users_study, recoveries.Settings(noises=("users-50",)))
    assert len(found) == 3 * 4
    good, control = (select(found, dataset=d) for d in ("geo-large-gap", "one-model-twice"))
    assert good["mu true"].tolist() == pytest.approx([0.784] * 4)
    assert set(good["seeds"]) == {"3 of 3"}
    assert good["AUC"].iloc[0].low < good["AUC"].iloc[0].mean < good["AUC"].iloc[0].high
    assert set(control["seeds"]) == {"0 of 3"}
    assert set(control["reason"]) == {"mu: found no attentive users"}
    assert control["precision"].tolist() == [Estimate(None)] * 4


def test_the_table_of_recovery_has_more_rows_when_asked(users_study):
    settings = recoveries.Settings(**HERE, by_comparisons=True, by_mu=True)
    found = select(recoveries.table(users_study, settings), estimator="three-types")
    assert sorted(set(found["comparisons per user"])) == [2, 5, 10, 20, 50]
    assumed = ["none", "0.55", "0.6", "0.65", "0.7", "0.75", "the true", "0.8", "0.9"]
    assert select(found, **{"comparisons per user": 50})["mu assumed"].tolist() == assumed
    assert found["seeds"].tolist().count("2 of 3") == 1


@pytest.mark.parametrize("module", [recovery, mu_sweep, attentiveness])
def test_a_study_without_users_says_so(module, study):
    assert any("no cell" in text for text in words(module.figure(study, module.Settings())))


@pytest.mark.parametrize("module", [users, recoveries])
def test_a_study_without_users_has_no_rows(module, study):
    assert module.table(study, module.Settings()).empty
