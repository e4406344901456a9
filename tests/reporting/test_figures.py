"""What every figure keeps to: the same bytes twice, no text on text, holes marked."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from annobench import registry
from annobench.reporting import style
from annobench.reporting.figures import (
    accuracy_by_crowd,
    accuracy_by_noise,
    accuracy_by_size,
    expertise,
    expertise_matrix,
    gain_by_noise,
    training_curves,
)
from annobench.settings import Settings

KINDS = registry.kinds("reporting.figures")
KEYS = {
    "perplexity-densities": {"study": {"method": "realm"}, "response_study": {}},
    "gain-by-noise": {
        "response_study": {"reference": "token-sft"},
        "people_study": {"reference": "majority"},
    },
}
"""What a kind needs to be told of a made-up study; of `study` where it is not named."""


def texts(figure: Figure) -> dict[str, list[tuple[float, float, float, float]]]:
    """Every text that is drawn, with its boxes, in pixels.

    Slanted tick labels are left out: their boxes overlap where their letters do not.
    """
    with style.paper():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        undrawn = {
            label
            for panel in figure.axes
            for axis in (panel.xaxis, panel.yaxis)
            for tick in axis.get_major_ticks()
            if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
            for label in (tick.label1, tick.label2)
        }
        found: dict[str, list[tuple[float, float, float, float]]] = {}
        for text in set(figure.findobj(Text)) - undrawn:
            if text.get_visible() and text.get_text().strip() and text.get_rotation() % 90 == 0:
                box = Text.get_window_extent(text, canvas.get_renderer())
                found.setdefault(text.get_text(), []).append(box.extents)
    return found


def overlap(a, b) -> bool:
    slack = 1.0
    return bool(
        min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack
    )


OF_USERS = ("attentiveness", "mu-sweep", "recovery")
"""Kinds that show nothing of studies without comparisons by users."""
OF_PEOPLE = (
    "by-ambiguity",
    "reward-curves",
    "distribution-examples",
    "ambiguity-and-expertise",
)
"""Kinds that show nothing of studies without people's labels."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_has_the_same_bytes_twice(kind, request, tmp_path):
    name = "people_study" if kind in OF_PEOPLE else "users_study" if kind in OF_USERS else "study"
    study = request.getfixturevalue(name)
    module = registry.component("reporting.figures", kind)
    assert issubclass(module.Settings, Settings)
    settings = module.Settings(**KEYS.get(kind, {}).get("study", {}))
    for name in ("a", "b"):
        figure = module.figure(study, settings)
        for suffix in ("pdf", "png"):
            style.save(tmp_path / f"{name}.{suffix}", figure)
    for suffix, start in (("pdf", b"%PDF"), ("png", b"\x89PNG")):
        content = (tmp_path / f"a.{suffix}").read_bytes()
        assert content == (tmp_path / f"b.{suffix}").read_bytes()
        assert content.startswith(start)
        assert b"/Type3" not in content  # TrueType fonts: publishers refuse Type 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", ["column", "page"])
@pytest.mark.parametrize(
    "size",
    [
        "study",
        "large_study",
        "crowded_study",
        "tasks_study",
        "response_study",
        "people_study",
        "users_study",
    ],
)
def test_no_text_lies_on_another_or_outside(kind, width, size, request):
    if (kind in OF_USERS) != (size == "users_study"):
        pytest.skip("only users of known attentiveness, and only their figures")
    if kind in OF_PEOPLE and size != "people_study":
        pytest.skip("no item has people's labels")
    if kind == "perplexity-densities" and size == "people_study":
        pytest.skip("no method selected an answer")
    if kind == "radar" and size not in ("tasks_study", "response_study"):
        pytest.skip("of one task there is no radar")
    if kind.startswith("expertise") and size == "response_study":
        pytest.skip("no method learned an expertise")
    module = registry.component("reporting.figures", kind)
    keys = KEYS.get(kind, {})
    settings = module.Settings(width=width, **keys.get(size, keys.get("study", {})))
    figure = module.figure(request.getfixturevalue(size), settings)
    boxes = [(text, box) for text, found in texts(figure).items() for box in found]
    assert len(boxes) > 5
    assert [(a, b) for (a, x), (b, y) in combinations(boxes, 2) if overlap(x, y)] == []
    right, top = figure.get_size_inches() * figure.dpi
    outside = [
        text
        for text, (x0, y0, x1, y1) in boxes
        if x0 < -1 or y0 < -1 or x1 > right + 1 or y1 > top + 1
    ]
    assert outside == []
    assert figure.get_figwidth() == style.INCHES[width]


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_without_cells_says_so(kind, empty_study):
    module = registry.component("reporting.figures", kind)
    assert any("no cell" in text for text in texts(module.figure(empty_study, module.Settings())))


def test_holes_are_marked(study):
    accuracy = texts(accuracy_by_noise.figure(study, accuracy_by_noise.Settings()))
    assert {"2/3", "3 out-of-memory", "zero-shot", "clean"} <= set(accuracy)
    curves = texts(training_curves.figure(study, training_curves.Settings()))
    assert {"realm: 1 diverged", "majority: 3 out-of-memory"} <= set(curves)
    learned = texts(expertise.figure(study, expertise.Settings()))
    assert any("1 diverged" in text for text in learned)


def test_points_stand_at_their_values(study):
    """The realm points of the accuracy figure are the means of the summary."""
    figure = accuracy_by_noise.figure(study, accuracy_by_noise.Settings())
    look = style.looks(study.methods)["realm"]
    drawn = [
        float(value)
        for line in figure.axes[0].lines
        if line.get_color() == look.colour and line.get_marker() == look.marker
        for value in line.get_ydata()
    ]
    summary = study.summary
    means = summary[(summary["method"] == "realm") & (summary["metric"] == "accuracy")]["mean"]
    assert drawn == pytest.approx(means.tolist())


def test_expertise_shows_every_annotator_of_every_seed(study):
    settings = expertise.Settings(methods=("realm",))
    figure = expertise.figure(study, settings)
    marker = style.looks(study.methods)["realm"].marker
    points = [
        len(line.get_xdata())
        for panel in figure.axes
        for line in panel.lines
        if line.get_marker() == marker
    ]
    assert points == [30, 20, 30]


def test_the_smoothing_is_stated(study):
    smooth = training_curves.figure(study, training_curves.Settings(window=7))
    assert any("running mean of 7 steps" in text for text in texts(smooth))
    raw = training_curves.figure(study, training_curves.Settings(window=1))
    assert "training loss" in texts(raw)


def line_of(figure, method, tables, panel=0):
    """Places and heights of a method's line."""
    look = tables.looks[method]
    lines = [
        line
        for line in figure.axes[panel].lines
        if (line.get_color(), line.get_marker()) == (look.colour, look.marker)
    ]
    assert len(lines) == 1
    return lines[0].get_xdata(), lines[0].get_ydata()


def test_size_stands_on_a_log_axis_at_the_models_parameters(tasks_study):
    settings = accuracy_by_size.Settings(noises=("half-good",))
    figure = accuracy_by_size.figure(tasks_study, settings)
    x, y = line_of(figure, "realm", tasks_study)
    assert figure.axes[0].get_xscale() == "log"
    assert x == pytest.approx([134_515_008, 361_821_120], rel=0.04)  # set aside a little
    means = tasks_study.summary.query("metric == 'accuracy' and noise == 'half-good'")
    assert y == pytest.approx(means[means["method"] == "realm"]["mean"].to_numpy())
    assert {"135M", "362M"} <= set(texts(figure))
    trained = accuracy_by_size.Settings(noises=("half-good",), x="trained-parameters")
    x, _ = line_of(accuracy_by_size.figure(tasks_study, trained), "zero-shot", tasks_study)
    assert x == pytest.approx([134_515_008 / 8, 361_821_120 / 8], rel=0.04)


def test_crowds_stand_where_they_were_measured(tasks_study):
    figure = accuracy_by_crowd.figure(tasks_study, accuracy_by_crowd.Settings())
    x, y = line_of(figure, "realm", tasks_study)
    assert x == pytest.approx([1, 3, 5], abs=0.2)
    assert y[1] == max(y)  # half-good, with three labels, is in the middle
    assert {"1", "3", "5"} <= set(texts(figure))
    accuracy = accuracy_by_crowd.Settings(x="label-accuracy", models=("smollm2-135m",))
    x, _ = line_of(accuracy_by_crowd.figure(tasks_study, accuracy), "sft", tasks_study)
    measured = tasks_study.crowds.groupby("noise")["label_accuracy"].mean()
    assert x == pytest.approx(sorted(measured), abs=0.005)


def test_without_gold_labels_cannot_be_right_or_wrong(blind_study):
    settings = accuracy_by_crowd.Settings(x="label-accuracy", metric="heldout-nll")
    assert any("no cell" in text for text in texts(accuracy_by_crowd.figure(blind_study, settings)))
    settings = accuracy_by_noise.Settings(metric="heldout-nll")
    assert "held-out NLL" in texts(accuracy_by_noise.figure(blind_study, settings))


def test_gain_is_the_methods_minus_the_reference_and_filled_where_it_is_told(study):
    figure = gain_by_noise.figure(study, gain_by_noise.Settings(noises=("half-good",)))
    look = study.looks["realm"]
    (point,) = [line for line in figure.axes[0].lines if line.get_marker() == look.marker]
    assert point.get_ydata() == pytest.approx([0.71 - 0.63])
    assert point.get_markerfacecolor() == look.colour
    (even,) = [line for line in figure.axes[0].lines if line.get_marker() == "^"]
    assert even.get_ydata() == pytest.approx([0.64 - 0.63])
    assert even.get_markerfacecolor() == "white"
    turned = gain_by_noise.Settings(noises=("half-good",), reference="realm", methods=("sft",))
    figure = gain_by_noise.figure(study, turned)
    (point,) = [line for line in figure.axes[0].lines if line.get_marker() == "s"]
    assert point.get_ydata() == pytest.approx([0.63 - 0.71])
    assert not any(line.get_marker() == "^" for line in figure.axes[0].lines)


def test_a_gain_that_cannot_be_measured_says_why(study):
    assert "3 out-of-memory" in texts(gain_by_noise.figure(study, gain_by_noise.Settings()))
    lost = texts(gain_by_noise.figure(study, gain_by_noise.Settings(reference="majority")))
    assert "no majority" in lost


def test_the_matrix_holds_means_over_seeds_beside_the_truth(tasks_study):
    settings = expertise_matrix.Settings(noises=("half-good",), models=("smollm2-135m",))
    figure = expertise_matrix.figure(tasks_study, settings)
    learned, true = (np.asarray(panel.images[0].get_array()) for panel in figure.axes[:2])
    rows = tasks_study.annotators.query(
        "model == 'smollm2-135m' and noise == 'half-good' and method == 'realm'"
    )
    means = rows.groupby(["annotator", "task"])[["expertise", "true_expertise"]].mean().unstack()
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert learned == pytest.approx(means.loc[names, "expertise"].to_numpy())
    assert true == pytest.approx(means.loc[names, "true_expertise"].to_numpy())
    assert (np.diff(true.mean(axis=1)) < 1e-9).all()  # the best on top
    assert any("over 40 cells: 0.87" in text for text in texts(figure))


def test_a_truth_that_differs_by_seed_is_not_averaged(tasks_study):
    rows = tasks_study.annotators.query("method == 'realm' and noise == 'half-good'")
    rows = rows[rows["model"] == "smollm2-135m"].reset_index(drop=True)
    rows.loc[rows["seed"] == 1, "true_expertise"] = 0.5
    only, (learned, true) = expertise_matrix.matrices(rows)
    assert only == "seed 0"
    first = rows[rows["seed"] == 0].set_index(["annotator", "task"])
    assert learned.stack().to_dict() == first["expertise"].to_dict()
    assert set(true.stack()) == {0.01, 0.99}


def test_names_choose_what_is_shown(study):
    some = {"noises": ("one-good",), "methods": ("realm", "sft")}
    found = texts(accuracy_by_noise.figure(study, accuracy_by_noise.Settings(**some)))
    assert {"one-good", "realm", "sft"} <= set(found)
    assert not {"half-good", "clean", "majority"} & set(found)


def test_side_by_side_keeps_levels_apart():
    true = np.array([0.0, 0.1, 0.0, 0.1, 0.0])
    places = expertise.side_by_side(true)
    assert len(set(places)) == 5
    assert np.abs(places - true).max() < 0.05
    assert (np.diff(places[true == 0]) > 0).all()
    assert expertise.side_by_side(np.array([0.5])) == pytest.approx([0.5])


def test_a_method_looks_the_same_in_every_study():
    few, many = style.looks(["realm", "new"]), style.looks(["sft", "realm", "new"])
    assert few["realm"] == many["realm"]
    assert few["new"] == many["new"]


def test_no_two_methods_look_alike():
    known = "token-sft soft-labels label-smoothing generalised-cross-entropy glad mace clean sft"
    known += " symmetric-cross-entropy realm realm-signed realm-oracle realm-tasks realm-full"
    known += " realm-rank-one realm-shared majority dawid-skene zero-shot realm-one robustft"
    known += " robustft-no-selection robustft-no-checker robustft-no-reviewer robustft-no-context"
    known += " robustft-no-reasoning self-label self-select self-rag noise-al small-loss"
    known += " verbal-sft hard-grpo jsd-grpo shala shala-no-std shala-mixed shala-realm"
    known += " dpo dpo-users dpo-smoothed dpo-items dpo-random dpo-clean dpo-oracle"
    looks = style.looks([*known.split(), *(f"m{i}" for i in range(20))]).values()
    assert len({(look.colour, look.marker) for look in looks}) == len(looks)
    assert len(set(style.looks([f"m{i}" for i in range(30)]).values())) == 30


def test_validation_imports_nothing_heavy():
    """Settings of every table and figure come without the packages that are slow to import."""
    code = (
        "import sys\n"
        "from annobench import registry\n"
        "for package in ('reporting.tables', 'reporting.figures'):\n"
        "    for kind in registry.kinds(package):\n"
        "        registry.component(package, kind).Settings()\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'matplotlib', 'scipy', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
