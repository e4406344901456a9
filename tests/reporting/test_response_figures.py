"""The figures of noisy responses: what is drawn where, and what is missing."""

import json

import numpy as np
import pandas as pd
import pytest

from annobench import tables
from annobench.reporting.figures import (
    accuracy_by_crowd,
    accuracy_by_setting,
    perplexity_densities,
    phrasings,
    radar,
)
from annobench.reporting.study_tables import StudyTables


def texts(figure) -> str:
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))


def lines_of(panel, colour):
    return [line for line in panel.lines if line.get_color() == colour]


def test_the_noise_rate_is_measured_and_methods_without_noise_are_level(response_study):
    settings = accuracy_by_crowd.Settings(x="noise-rate", methods=("zero-shot", "token-sft"))
    (panel,) = accuracy_by_crowd.figure(response_study, settings).axes
    level, falling = (lines_of(panel, response_study.looks[m].colour)[0] for m in settings.methods)
    wrong = 1 - response_study.crowds.groupby("noise")["label_accuracy"].mean()
    assert level.get_xdata() == pytest.approx(sorted(wrong), abs=0.03)
    assert sorted(wrong) == pytest.approx([0.3, 0.5, 0.7], abs=0.05)
    assert len(set(level.get_ydata())) == 1
    assert (np.diff(falling.get_ydata()) < -0.05).all()


def test_a_line_joins_the_methods_that_differ_in_the_setting_alone(response_study):
    settings = accuracy_by_setting.Settings(noises=("response-30", "response-70"))
    figure = accuracy_by_setting.figure(response_study, settings)
    joined = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert len(joined) == 2  # robustft and robustft-beta-75 under each noise
    assert joined[0].get_xdata() == pytest.approx([0.5, 0.75], abs=0.02)
    summary = response_study.summary.query("metric == 'accuracy' and noise == 'response-30'")
    means = summary.set_index("method")["mean"][["robustft", "robustft-beta-75"]]
    assert joined[0].get_ydata() == pytest.approx(means.to_numpy())
    found = texts(figure)
    assert "robustft-no-checker, response-30" in found  # a line of its own
    assert "robustft, response-70: robustft 1 diverged" in found
    assert "self-label" not in found


def runs(**settings) -> pd.DataFrame:
    rows = [{"method": name, "settings": json.dumps(s)} for name, s in settings.items()]
    return pd.DataFrame([*rows, {"method": "unknown", "settings": None}])


def test_a_setting_that_is_no_number_has_no_place_on_the_axis():
    found = accuracy_by_setting.by_method(
        runs(a={"k": 3, "beta": 1}, b={"k": 5, "beta": 1}, c={"k": None}, d={"k": True}, e={}), "k"
    )
    assert found["method"].tolist() == ["a", "b"]
    assert found["x"].tolist() == [3, 5]
    assert found["others"].nunique() == 1


def test_a_study_without_the_setting_says_so(response_study):
    figure = accuracy_by_setting.figure(response_study, accuracy_by_setting.Settings(key="theta"))
    assert "a number as theta" in texts(figure).replace("\n", " ")


SUMMARY = pd.DataFrame(
    [
        ("physics", 0.2, 10),
        ("chemistry", 0.5, 30),
        ("law", 0.9, 20),
        ("logic", None, 5),
        ("cooking", 0.1, 7),
    ],
    columns=["task", "mean", "items"],
).assign(dataset="mmlu", model="m", noise="n", method="sft")
SUMMARY["metric"] = "accuracy:" + SUMMARY["task"]


def test_a_category_weighs_every_item_alike():
    categories = {"physics": "STEM", "chemistry": "STEM", "law": "humanities", "logic": "abstract"}
    found = radar.by_spoke(SUMMARY, categories).set_index("spoke")
    assert found["items"].to_dict() == {"STEM": 40, "humanities": 20, "abstract": 5}
    assert found.loc["STEM", "mean"] == pytest.approx((0.2 * 10 + 0.5 * 30) / 40)
    assert np.isnan(found.loc["abstract", "mean"])  # a part is missing, so the whole is


def test_a_spoke_is_a_task():
    found = radar.by_spoke(SUMMARY, None)
    assert found["spoke"].tolist() == ["physics", "chemistry", "law", "logic", "cooking"]
    assert found["mean"].tolist()[:3] == pytest.approx([0.2, 0.5, 0.9])


def test_the_radar_is_closed_and_names_its_holes(response_study):
    settings = radar.Settings(noises=("response-50",), methods=("robustft", "self-select"))
    figure = radar.figure(response_study, settings)
    (panel,) = figure.axes
    (line,) = lines_of(panel, response_study.looks["robustft"].colour)
    summary = response_study.summary.query("method == 'robustft' and noise == 'response-50'")
    by_task = summary[summary["metric"].str.startswith("accuracy:")]["mean"].tolist()
    assert line.get_ydata() == pytest.approx([*by_task, by_task[0]])
    assert panel.get_ylim()[0] == 0
    assert "self-select: 3 out-of-memory" in texts(figure)
    assert "riddlesense\nn 50" in texts(figure)


@pytest.mark.parametrize("width", ["column", "page"])
def test_many_spokes_are_named_along_themselves_within_the_figure(tmp_path, width):
    """As many as MMLU has subjects."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    spokes = [f"high_school_subject_{number:02d}" for number in range(57)]
    rows = [(f"accuracy:{spoke}", n / 57, 30) for n, spoke in enumerate(spokes)]
    place = {"dataset": "mmlu", "model": "m", "noise": "n", "method": "sft"}
    summary = pd.DataFrame(rows, columns=["metric", "mean", "items"]).assign(
        **place, seeds=1, seeds_planned=1
    )
    runs = pd.DataFrame([place | {"seed": 0, "status": "ok"}])
    tables.write(tmp_path / "summary.parquet", summary, tables.SUMMARY)
    tables.write(tmp_path / "runs.parquet", runs, tables.RUNS)
    figure = radar.figure(StudyTables(tmp_path), radar.Settings(width=width))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    names = [text for text in figure.axes[0].texts if "high school subject" in text.get_text()]
    assert len(names) == 57
    boxes = [name.get_window_extent(canvas.get_renderer()) for name in names]
    across, up = figure.get_size_inches() * figure.dpi
    assert min(min(box.x0, box.y0) for box in boxes) > -1
    assert max(box.x1 for box in boxes) < across + 1
    assert max(box.y1 for box in boxes) < up + 1


def test_of_one_task_there_is_no_radar(study):
    assert "no cell has the accuracy of 3 tasks" in texts(radar.figure(study, radar.Settings()))


def test_the_spread_is_of_the_phrasings_that_have_a_result():
    assert phrasings.spread(pd.Series([0.5, 0.6, 0.55])) == "spread\n0.100"
    assert phrasings.spread(pd.Series([0.5, np.nan, 0.55])) == "spread\n0.050 (2 of 3)"
    assert phrasings.spread(pd.Series([np.nan, 0.5])) == "spread\n\N{EN DASH} (1 of 2)"


def test_every_phrasing_has_a_point_for_every_method(phrased_study):
    figure = phrasings.figure(phrased_study, phrasings.Settings())
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == phrased_study.methods
    summary = phrased_study.summary.query("metric == 'accuracy' and dataset == 'arc'")
    drawn = [
        float(line.get_xdata()[0])
        for line in figure.axes[0].lines
        if line.get_marker() not in ("x", "None")
    ]
    assert sorted(drawn) == pytest.approx(sorted(summary["mean"].dropna()))
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert len(crosses) == 3  # self-select, under each phrasing
    assert "(0 of 3)" in texts(figure)


@pytest.fixture
def answers(tmp_path):
    """answers(nll, verdict, right): the tables of a study with these selected answers."""

    def make(nll, verdict="relabelled", right=True) -> StudyTables:
        cell = {"dataset": "d", "model": "m", "method": "robustft", "noise": "n", "seed": 0}
        rows = pd.DataFrame({"nll": nll, "verdict": verdict, "right": right}).assign(
            item="i", corrupted=True, **cell
        )
        rows["right"] = rows["right"].astype("boolean")
        tables.write(tmp_path / "selection.parquet", rows, tables.SELECTION)
        done = pd.DataFrame([cell | {"status": "ok"}, cell | {"seed": 1, "status": "diverged"}])
        tables.write(tmp_path / "runs.parquet", done, tables.RUNS)
        return StudyTables(tmp_path)

    return make


def test_groups_of_answers():
    rows = pd.DataFrame(
        {
            "nll": [0.1, 0.2, 0.3, 0.4],
            "verdict": ["relabelled", "relabelled", "dropped", "trusted"],
            "right": pd.array([True, False, None, True], "boolean"),
        }
    )
    found = {name: nll.tolist() for name, nll in perplexity_densities.by_group(rows).items()}
    assert found == {
        "kept": [0.1, 0.2, 0.4],
        "dropped": [0.3],
        "relabelled right": [0.1],
        "relabelled wrong": [0.2],
    }


def test_a_density_has_area_one_over_the_logarithm(answers):
    nll = np.random.default_rng(0).gamma(3, 0.1, 80)
    figure = perplexity_densities.figure(answers(nll), perplexity_densities.Settings())
    (panel,) = figure.axes
    kept, right = (line for line in panel.lines if len(line.get_xdata()))
    x, y = kept.get_data()
    assert x[0] == 1  # no perplexity is below 1
    assert np.trapezoid(y, np.log(x)) == pytest.approx(1, abs=0.03)  # the axis ends at 99 %
    assert right.get_ydata() == pytest.approx(y)
    assert panel.get_xscale() == "log"
    assert "n: kept 80, dropped 0, relabelled right 80, relabelled wrong 0; 1 diverged" in (
        texts(figure).replace("\n", " ")
    )


@pytest.mark.parametrize("nll", [[0.3], [0.0], [0.2] * 50, [0.1, 0.1, 5.0], [0.0, 1e-9, 2e-9, 0.1]])
def test_few_or_equal_values_are_marks(answers, nll):
    figure = perplexity_densities.figure(answers(nll), perplexity_densities.Settings())
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "|"]
    assert marks[0].get_xdata() == pytest.approx(np.exp(sorted(set(nll))))
    figure.savefig("/dev/null", format="png")


@pytest.mark.parametrize("nll", [[0, 1e-12, 2e-12, 3e-12, 4e-12], np.geomspace(1e-9, 9, 40)])
def test_a_density_of_extreme_values_can_be_drawn(answers, nll):
    figure = perplexity_densities.figure(answers(nll), perplexity_densities.Settings())
    figure.savefig("/dev/null", format="png")
    assert all(np.isfinite(line.get_ydata()).all() for line in figure.axes[0].lines)


def test_without_selected_answers_there_is_nothing_to_draw(answers):
    figure = perplexity_densities.figure(answers([None] * 3), perplexity_densities.Settings())
    assert "no cell of robustft selected an answer" in texts(figure).replace("\n", " ")
