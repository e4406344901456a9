"""Tables and figures of label distributions, and the published numbers that stand beside them."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from annobench.registry import kinds
from annobench.reporting import lines, panels, style
from annobench.reporting.figures import (
    ambiguity_and_expertise,
    by_ambiguity,
    distribution_examples,
    reward_curves,
)
from annobench.reporting.formats import Estimate, relative
from annobench.reporting.labels import DISTRIBUTIONS, higher_is_better, label
from annobench.reporting.published import read
from annobench.reporting.tables import distributions, results, rollouts

SHALA = Path(__file__).parents[2] / "studies" / "published" / "shala.csv"
PLACE = {"noise": "ambiguity-half-good", "method": "shala"}


def one(frame: pd.DataFrame, **where) -> pd.Series:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def words(figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(Text)}


def test_labels_say_the_reading_and_the_tercile():
    assert label("jsd-distance") == "JS distance"
    assert label("verbal-jsd-distance") == "JS distance (written)"
    assert label("jsd-distance:high-entropy") == "JS distance (high entropy)"
    assert label("verbal-accuracy:low-entropy") == "accuracy (written, low entropy)"
    assert label("accuracy:arc-easy") == "accuracy (arc-easy)"
    assert not higher_is_better("verbal-jsd-distance:high-entropy")
    assert higher_is_better("verbal-accuracy")
    assert not higher_is_better("unparsed")


@pytest.mark.parametrize("kind", kinds(DISTRIBUTIONS))
def test_every_metric_of_distributions_may_be_asked_for_in_both_readings(kind):
    asked = results.Settings(metrics=(kind, f"verbal-{kind}"))
    assert len({label(measure) for measure in asked.metrics}) == 2


def test_the_written_reading_is_named_by_the_reading_alone():
    with pytest.raises(ValueError, match=r"'verbal-kl' is unknown: allowed: accuracy"):
        by_ambiguity.Settings(metric="verbal-kl")


def test_both_readings_stand_one_after_the_other_the_best_first(people_study):
    frame = distributions.table(people_study, distributions.Settings())
    here = frame[frame["noise"] == "ambiguity-half-good"]
    assert here["reading"].drop_duplicates().tolist() == ["of the options", "written"]
    for reading, metric in (("of the options", "jsd-distance"), ("written", "verbal-jsd-distance")):
        rows = here[here["reading"] == reading]
        assert len(rows) == len(people_study.methods)
        means = [cell.mean for cell in rows["JS distance"] if cell.mean is not None]
        assert means == sorted(means)
        found = one(rows, method="shala")["JS distance"]
        summary = one(people_study.summary, **PLACE, metric=metric)
        assert found == Estimate(summary["mean"], summary["low"], summary["high"], summary["rank"])


def test_a_measure_that_a_seed_does_not_define_says_so(people_study):
    summary = people_study.summary.reset_index(drop=True)
    here = (summary[list(PLACE)] == list(PLACE.values())).all(axis=1)
    summary.loc[here & (summary["metric"] == "entropy-correlation"), "seeds"] = 2
    rows = summary[here].set_index("metric").loc[["entropy-correlation", "kl"]].reset_index()
    notes = [distributions._estimate(row, 3).note for _, row in rows.iterrows()]
    assert notes == ["defined in 2 of 3", ""]
    assert distributions._seeds(rows, "") == "3 of 3"


def test_what_was_not_written_or_could_not_be_read_is_said(people_study):
    frame = distributions.table(people_study, distributions.Settings(reading="verbal"))
    assert set(frame["reading"]) == {"written"}
    unasked = one(frame, noise="ambiguity-half-good", method="soft-labels")
    assert unasked["seeds"] == "not asked to write one"
    assert unasked["JS distance"] == Estimate(None)
    lost = one(frame, noise="ambiguity-half-good", method="jsd-grpo")
    assert lost["seeds"] == "3 out-of-memory"
    unread = one(people_study.summary, **PLACE, metric="unparsed")["mean"]
    assert 0.05 < unread < 0.15
    assert one(frame, **PLACE)["not read, %"].mean == pytest.approx(100 * unread)
    options = distributions.table(people_study, distributions.Settings(reading="options"))
    assert "not read, %" not in options


@pytest.mark.parametrize("reading", ["options", "verbal"])
def test_a_gain_is_a_paired_difference_in_percent_of_the_baseline(people_study, reading):
    settings = distributions.Settings(reading=reading, methods=("shala",))
    frame = distributions.table(people_study, settings)
    assert set(frame["method"]) == {"shala"}  # the baseline counts, though it is not shown
    row = one(frame, noise="ambiguity-half-good")
    prefix = "verbal-" if reading == "verbal" else ""
    summary = people_study.summary.query("noise == 'ambiguity-half-good'")
    for metric, heading, sign in (
        ("jsd-distance", "JS distance down from majority, %", -1),
        ("jsd-divergence", "JS divergence down from majority, %", -1),
        ("macro-f1", "macro-F1 up on majority, %", 1),
    ):
        mine, base = (
            one(summary, method=method, metric=prefix + metric)["mean"]
            for method in ("shala", "majority")
        )
        assert row[heading].mean == pytest.approx(100 * sign * (mine / base - 1))
        assert row[heading].low < row[heading].mean < row[heading].high


def test_the_baseline_gains_nothing_and_may_be_left_out(people_study):
    frame = distributions.table(people_study, distributions.Settings(baseline="shala"))
    rows = frame[(frame["method"] == "shala") & (frame["noise"] == "ambiguity-linear")]
    assert [cell.note for cell in rows["macro-F1 up on shala, %"]] == ["the baseline"] * 2
    lost = one(frame, noise="ambiguity-half-good", method="jsd-grpo", reading="of the options")
    assert lost["macro-F1 up on shala, %"] == Estimate(None, note="nothing to compare")
    without = distributions.table(people_study, distributions.Settings(baseline=None))
    assert not [name for name in without.columns if name.endswith("shala, %") or "down" in name]
    assert ("baseline", "methods", "shala") in [*distributions.Settings(baseline="shala").named()]


def test_a_gain_over_nothing_is_not_defined():
    pair = pd.Series({"difference": 0.1, "low": 0.0, "high": 0.2})
    assert relative(pair, 0.4) == Estimate(25.0, 0.0, 50.0)
    for found, base in ((pair, 0.0), (pair, np.nan), (None, 0.4)):
        assert relative(found, base) == Estimate(None, note="nothing to compare")


def test_published_numbers_stand_apart(people_study):
    settings = distributions.Settings(path=str(SHALA))
    frame = distributions.table(people_study, settings)
    bare = distributions.table(people_study, distributions.Settings())
    ours, theirs = frame.iloc[: len(bare)], frame.iloc[len(bare) :]
    assert set(theirs["dataset"]) == {"(published)"}
    assert theirs[bare.columns.drop(["dataset", "method"])].isna().all(axis=None)
    paper = [name for name in frame.columns if name.startswith("paper")]
    assert ours[paper].isna().all(axis=None)
    shala = one(theirs, method="SHALA-LLM on ChaosNLI")
    assert shala["paper: JSD down by, % at most"] == "paper: 62.1 (P)"
    assert shala["paper: F1 up by, % at most"] == "paper: 16.7 (P)"


def test_shalas_numbers_are_those_that_were_published():
    found = {(n.row, n.column): (n.value, n.certainty) for n in read(SHALA, "main")}
    gains = {key: value for key, value in found.items() if key[0].startswith("SHALA-LLM")}
    assert gains == {
        ("SHALA-LLM on ChaosNLI", "JSD down by"): ("62.1", "P"),
        ("SHALA-LLM on ChaosNLI", "F1 up by"): ("16.7", "P"),
        ("SHALA-LLM on MSP-Podcast", "JSD down by"): ("6.2", "S"),
        ("SHALA-LLM on MSP-Podcast", "F1 up by"): ("29.2", "S"),
    }
    divergences = [value for (_, column), (value, _) in found.items() if column == "JSD divergence"]
    assert divergences == ["0.072", "0.224", "0.270", "0.113", "0.072", "0.06"]
    supervised = [n.value for n in read(SHALA, "main") if n.column == "JSD"]
    assert supervised == ["0.18", "0.19"]


def test_rollouts_are_means_over_the_cells_that_are_ok(people_study):
    frame = rollouts.table(people_study, rollouts.Settings())
    shala = one(frame, method="shala")
    assert shala["cells"] == "5 of 6 (1 diverged)"
    runs = people_study.costs.query("method == 'shala' and status == 'ok'")
    assert shala["rollouts/s"].mean == pytest.approx(runs["rollouts_per_second"].mean())
    assert shala["rollouts/s"].low < shala["rollouts/s"].mean < shala["rollouts/s"].high
    assert shala["sampling, % of training"].mean == pytest.approx(80)
    assert shala["training, s"].mean == pytest.approx(runs["train_seconds"].mean())
    majority = one(frame, method="majority")
    assert majority["rollouts/s"] == Estimate(None)
    assert majority["training, s"].mean is not None
    assert one(frame, method="zero-shot")["training, s"].low is None  # one cell has no interval


@pytest.mark.parametrize("reading", ["options", "verbal"])
def test_terciles_stand_in_order_of_entropy(people_study, reading):
    settings = by_ambiguity.Settings(reading=reading, noises=("ambiguity-half-good",))
    figure = by_ambiguity.figure(people_study, settings)
    look = people_study.looks["shala"]
    (line,) = [
        line
        for line in figure.axes[0].lines
        if (line.get_color(), line.get_marker()) == (look.colour, look.marker)
    ]
    measure = "verbal-jsd-distance" if reading == "verbal" else "jsd-distance"
    means = [
        one(people_study.summary, **PLACE, metric=f"{measure}:{tercile}-entropy")["mean"]
        for tercile in ("low", "middle", "high")
    ]
    assert line.get_ydata() == pytest.approx(means)
    assert line.get_xdata() == pytest.approx([0, 1, 2], abs=0.2)
    assert label(measure) in words(figure)


def test_a_method_without_the_measure_is_named(people_study):
    found = words(by_ambiguity.figure(people_study, by_ambiguity.Settings(reading="verbal")))
    assert "jsd-grpo: 3 out-of-memory; without soft-labels" in found
    assert "shala: 1 diverged; without soft-labels" in found


def test_holes_name_the_lost_and_then_the_absent():
    rows = pd.DataFrame({"method": ["a", "b"], "missing": ["", "1 failed"]})
    assert lines.holes(rows) == "b: 1 failed"
    assert lines.holes(rows, {"c": "2 failed", "d": ""}) == "c: 2 failed; b: 1 failed; without d"


def test_rewards_are_means_with_a_band_over_seeds(people_study):
    settings = reward_curves.Settings(window=1, noises=("ambiguity-half-good",))
    figure = reward_curves.figure(people_study, settings)
    reward, parsed = figure.axes
    colour = people_study.looks["shala"].colour
    rows = people_study.history.query("method == 'shala' and noise == 'ambiguity-half-good'")
    for panel, column in ((reward, "reward"), (parsed, "parsed")):
        (line,) = [line for line in panel.lines if line.get_color() == colour]
        by_step = rows.groupby("step")[column]
        assert line.get_ydata() == pytest.approx(by_step.mean().to_numpy())
        (band,) = [
            band
            for band in panel.collections
            if np.allclose(band.get_facecolor()[0, :3], to_rgb(colour))
        ]
        heights = band.get_paths()[0].vertices[:, 1]
        ends = (min(heights), max(heights))
        assert ends == pytest.approx((rows[column].min(), rows[column].max()))
    found = words(figure)
    assert {"reward", "share read", "step", "jsd-grpo: 3 out-of-memory"} <= found
    assert "majority" not in found


def test_a_seed_that_diverged_ends_in_a_cross(people_study):
    figure = reward_curves.figure(
        people_study, reward_curves.Settings(noises=("ambiguity-linear",), methods=("shala",))
    )
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "X"]
    assert [line.get_xdata()[0] for line in crosses] == [39]


def test_examples_are_spread_over_entropy():
    rows = pd.DataFrame({"item": list("edcba") * 2, "entropy": [0.5, 0.4, 0.3, 0.2, 0.2] * 2})
    assert distribution_examples.spread(rows, 3) == ["a", "c", "e"]
    assert distribution_examples.spread(rows, 9) == list("abcde")
    assert distribution_examples.spread(rows, 1) == ["a"]


def test_bars_are_peoples_shares_and_means_over_seeds(people_study):
    settings = distribution_examples.Settings(
        noises=("ambiguity-half-good",), methods=("shala",), items=2
    )
    figure = distribution_examples.figure(people_study, settings)
    rows = people_study.distributions.query(
        "noise == 'ambiguity-half-good' and method == 'shala'"
    ).sort_values("entropy", kind="stable")
    assert len(figure.axes) == 2
    torn = rows[rows["item"] == rows["item"].iloc[-1]]
    people, shala = figure.axes[1].containers
    assert [bar.get_height() for bar in people] == pytest.approx(list(torn["human"].iloc[0]))
    means = np.stack(torn["probabilities"].tolist()).mean(0)
    assert [bar.get_height() for bar in shala] == pytest.approx(means)


def test_what_could_not_be_read_is_not_drawn_and_said(people_study):
    settings = distribution_examples.Settings(
        reading="verbal", noises=("ambiguity-linear",), methods=("zero-shot", "soft-labels")
    )
    figure = distribution_examples.figure(people_study, settings)
    rows = people_study.distributions.query("method == 'zero-shot'")
    unread = set(rows.loc[rows["verbal"].isna(), "item"])
    shown = distribution_examples.spread(rows, 6)
    said = ["zero-shot: 1 of 1 not read" in " ".join(words_of(panel)) for panel in figure.axes]
    assert said == [item in unread for item in shown]
    assert [len(panel.containers) for panel in figure.axes] == [1 if gap else 2 for gap in said]
    assert "without soft-labels" in " ".join(words(figure))


def words_of(panel) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in panel.findobj(Text)]


def test_a_prompt_is_drawn_as_the_text_that_it_is(people_study):
    """Neither formulae nor characters that the font does not have."""
    assert panels.drawable("a\n $x$\t\U0001f3a9") == "a $x$ \N{WHITE SQUARE}"
    settings = distribution_examples.Settings(noises=("ambiguity-linear",), items=1)
    figure = distribution_examples.figure(people_study, settings)
    assert not figure.axes[0].title.get_parse_math()
    with style.paper(), warnings.catch_warnings():
        warnings.simplefilter("error")
        FigureCanvasAgg(figure).draw()


def test_the_joint_figure_has_three_measures(people_study):
    settings = ambiguity_and_expertise.Settings(
        methods=("soft-labels", "realm", "shala", "shala-realm"), noises=("ambiguity-linear",)
    )
    figure = ambiguity_and_expertise.figure(people_study, settings)
    look = people_study.looks["shala-realm"]
    for panel, measure in zip(
        figure.axes, ("accuracy", "jsd-distance", "expertise-spearman"), strict=True
    ):
        (point,) = [
            line
            for line in panel.lines
            if (line.get_color(), line.get_marker()) == (look.colour, look.marker)
        ]
        place = {"noise": "ambiguity-linear", "method": "shala-realm", "metric": measure}
        assert point.get_ydata() == pytest.approx([one(people_study.summary, **place)["mean"]])
    assert any("without soft-labels, shala" in " ".join(words_of(p)) for p in figure.axes)
    assert {"2/3", "shala: 1 diverged"} <= words(figure)


@pytest.mark.parametrize(
    "module", [by_ambiguity, distribution_examples, ambiguity_and_expertise, reward_curves]
)
def test_a_study_without_peoples_labels_says_so(module, study):
    assert any("no cell" in text for text in words(module.figure(study, module.Settings())))


def test_an_instruction_that_all_items_share_is_not_shown():
    from annobench.reporting.figures.distribution_examples import _own

    prompts = ["Is it so?\nPremise: A dog.\nHypothesis: An animal.", "Is it so?\nPremise: B.\nC."]
    assert _own(prompts[0], prompts) == "Premise: A dog.\nHypothesis: An animal."
    assert _own("one line", ["one line"]) == "one line"
    assert _own("a\nb", ["a\nb", "a\nb"]) == "b"
    assert _own("a\nb", ["a\nb", "c"]) == "a\nb"
