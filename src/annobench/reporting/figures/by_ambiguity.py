"""A metric of every method on test items of low, middle and high human entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.labels import Judged, Reading
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables


_SPREAD = 0.2
"""Share of the axis that the methods of a tercile take."""


class Settings(Shown):
    metric: Judged = "jsd-distance"
    """What the vertical axis shows."""
    reading: Reading = "options"
    """Which of a model's distributions: its probabilities of the options, or the one that it wrote
    down."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model, noise), one line per method through the terciles.

    Points are means over seeds with their interval; a method without any result has a cross at the
    foot.
    """
    from annobench.evaluation.distributions import TERCILES
    from annobench.reporting import lines, panels, style
    from annobench.reporting.labels import label, read_as
    from annobench.reporting.study_tables import groups

    tables = tables.only(settings)
    measure = read_as(settings.metric, settings.reading)
    terciles = {f"{measure}:{tercile}": place for place, tercile in enumerate(TERCILES)}
    rows = tables.summary.assign(x=tables.summary["metric"].map(terciles)).dropna(subset="x")
    if rows.empty:
        return panels.nothing(settings.width, f"no cell has the measure {measure} by tercile")
    rows["missing"] = tables.lost(rows)
    places = list(groups(rows, ["dataset", "model", "noise"]))
    several = len(tables.blocks) > 1
    with style.paper():
        drawn, axes = panels.grid(len(places), rows["noise"].nunique(), settings.width, 2.1)
        for panel, (place, found) in zip(axes, places, strict=True):
            lines.lines(panel, found, tables.looks, _SPREAD)
            panel.set_xlim(-0.4, len(TERCILES) - 0.6)
            names = [tercile.removesuffix("-entropy") for tercile in TERCILES]
            panel.set_xticks(range(len(TERCILES)), names)
            head = [f"{place['dataset']}, {place['model']}"] if several else []
            panels.title(
                drawn, panel, [*head, place["noise"]], lines.holes(found, tables.absent(found))
            )
        drawn.supxlabel("human entropy, by tercile of the test items", fontsize=8)
        drawn.supylabel(label(measure), fontsize=8)
        shown = {m: look for m, look in tables.looks.items() if m in set(rows["method"])}
        panels.legend(drawn, shown, settings.width)
    return drawn
