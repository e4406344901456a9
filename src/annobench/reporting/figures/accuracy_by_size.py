"""A metric of every method against the size of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    metric: Measure = "accuracy"
    """What the vertical axis shows."""
    x: Literal["parameters", "trained-parameters"] = "parameters"
    """What the horizontal axis shows: all parameters of the model, or those that are trained."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, noise), one line per method through the models.

    A model's size is the largest of its cells', so that methods that train nothing stand at it too.
    """
    from annobench.reporting import lines, panels, style
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import groups, select

    tables = tables.only(settings)
    column = settings.x.replace("-", "_")
    sizes = tables.runs.groupby(["dataset", "model"], as_index=False).agg(x=(column, "max"))
    rows = select(tables.summary, metric=settings.metric).merge(
        sizes.dropna(), on=["dataset", "model"]
    )
    rows = rows[rows["x"] > 0].astype({"x": float})
    if rows.empty:
        return panels.nothing(
            settings.width, f"no cell has the measure {settings.metric} and {settings.x}"
        )
    rows["missing"] = tables.lost(rows)
    several = rows["dataset"].nunique() > 1
    places = list(groups(rows, ["dataset", "noise"]))
    with style.paper():
        drawn, axes = panels.grid(len(places), rows["noise"].nunique(), settings.width, 2.0)
        for panel, (place, found) in zip(axes, places, strict=True):
            panel.set_xscale("log")
            lines.lines(panel, found, tables.looks)
            head = [place["dataset"]] if several else []
            panels.title(drawn, panel, [*head, place["noise"]], lines.holes(found))
        lines.ticks(axes[0], rows["x"].tolist(), _millions, panels.panel_inches(drawn, axes[0]))
        drawn.supxlabel(settings.x.replace("-", " "), fontsize=8)
        drawn.supylabel(label(settings.metric), fontsize=8)
        shown = {m: look for m, look in tables.looks.items() if m in set(rows["method"])}
        panels.legend(drawn, shown, settings.width)
    return drawn


def _millions(parameters: float) -> str:
    return f"{parameters / 1e9:.3g}B" if parameters >= 1e9 else f"{parameters / 1e6:.3g}M"
