"""A metric of every method under every noise, with 95 % intervals."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.by_noise import Row
    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look


class Settings(Shown):
    metric: Measure = "accuracy"
    """What the vertical axis shows."""
    width: Width = "column"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model).

    Methods that depend on noise are points; those that do not (zero-shot, clean labels) are lines
    across the panel with their interval as a band. Above a point that lacks seeds stands how many
    it has; a method without any result has a cross on the axis with what became of it.
    """
    from annobench.reporting import by_noise, panels, style
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import select

    tables = tables.only(settings)
    summary = select(tables.summary, metric=settings.metric)
    if summary.empty:
        return panels.nothing(settings.width, f"no cell has the measure {settings.metric}")
    looks = tables.looks
    noisy = set(tables.runs.loc[tables.runs["noise"].notna(), "method"])
    noises = [str(noise) for noise in summary["noise"].unique()]
    with style.paper():
        per_row = 1 if settings.width == "column" else 2
        drawn, axes = panels.grid(len(tables.blocks), per_row, settings.width, 2.1)
        flat: list[list[Row]] = []
        for panel, (dataset, model) in zip(axes, tables.blocks, strict=True):
            rows: list[Row] = [
                {**row, "missing": tables.missing(dataset, model, row["noise"], row["method"])}
                for row in select(summary, dataset=dataset, model=model).to_dict("records")
            ]
            by_noise.points(panel, [row for row in rows if row["method"] in noisy], noises, looks)
            level = {row["method"]: row for row in rows if row["method"] not in noisy}
            flat.append(list(level.values()))
            _lines(panel, flat[-1], looks)
            panels.title(drawn, panel, [f"{dataset}, {model}"])
            if panels.is_leftmost(panel):
                panel.set_ylabel(label(settings.metric))
        for panel, lines in zip(axes, flat, strict=True):  # now that the shared axes are final
            _name_lines(panel, lines, looks)
            by_noise.name_noises(panel, noises)
        by_noise.slant_if_crowded(drawn, noises)
        shown = {method: look for method, look in looks.items() if method in noisy}
        panels.legend(drawn, shown, settings.width)
    return drawn


def _lines(panel: Axes, rows: list[Row], looks: dict[str, Look]) -> None:
    for row in rows:
        colour = looks[row["method"]].colour
        if not isnan(row["mean"]):
            panel.axhline(row["mean"], color=colour, lw=1, ls=(0, (5, 2)), zorder=0.9)
        if not isnan(row["low"]):
            panel.axhspan(row["low"], row["high"], color=colour, alpha=0.13, lw=0, zorder=0.5)


def _name_lines(panel: Axes, rows: list[Row], looks: dict[str, Look]) -> None:
    """To the right of the panel; a method without result has its name at the foot."""
    bottom, top = panel.get_ylim()
    heights = {row["method"]: (row["mean"] - bottom) / (top - bottom) for row in rows}
    order = sorted(rows, key=lambda row: -1 if isnan(row["mean"]) else row["mean"])
    lowest = 0.0
    for row in order:
        height = heights[row["method"]]
        lowest = lowest if isnan(height) else max(lowest, height)
        lines = [row["method"], *row["missing"].split(", ")] if row["missing"] else [row["method"]]
        panel.annotate(
            "\n".join(lines),
            (1, lowest),
            (4, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=looks[row["method"]].colour,
        )
        lowest += 0.09 * len(lines)
