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
from annobench.reporting.figures import accuracy_by_noise, expertise, training_curves
from annobench.settings import Settings

KINDS = registry.kinds("reporting.figures")


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["pdf", "png"])
def test_every_figure_has_the_same_bytes_twice(kind, suffix, study, tmp_path):
    module = registry.component("reporting.figures", kind)
    assert issubclass(module.Settings, Settings)
    for name in ("a", "b"):
        style.save(tmp_path / f"{name}.{suffix}", module.figure(study, module.Settings()))
    content = (tmp_path / f"a.{suffix}").read_bytes()
    assert content == (tmp_path / f"b.{suffix}").read_bytes()
    assert content.startswith({"pdf": b"%PDF", "png": b"\x89PNG"}[suffix])
    assert b"/Type3" not in content  # TrueType fonts: publishers refuse Type 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", ["column", "page"])
@pytest.mark.parametrize("size", ["study", "large_study", "crowded_study"])
def test_no_text_lies_on_another_or_outside(kind, width, size, request):
    module = registry.component("reporting.figures", kind)
    figure = module.figure(request.getfixturevalue(size), module.Settings(width=width))
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
        float(line.get_ydata()[0])
        for line in figure.axes[0].lines
        if line.get_color() == look.colour and line.get_marker() == look.marker
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


def test_side_by_side_keeps_levels_apart():
    true = np.array([0.0, 0.1, 0.0, 0.1, 0.0])
    places = expertise.side_by_side(true)
    assert len(set(places)) == 5
    assert np.abs(places - true).max() < 0.05
    assert (np.diff(places[true == 0]) > 0).all()
    assert expertise.side_by_side(np.array([0.5])) == pytest.approx([0.5])


def test_a_method_looks_the_same_in_every_study():
    few, many = style.looks(["realm", "glad"]), style.looks(["sft", "realm", "glad"])
    assert few["realm"] == many["realm"]
    assert few["glad"] == many["glad"]
    names = [f"m{i}" for i in range(30)]
    assert len(set(style.looks(names).values())) == 30


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
