"""A metric of every method under several phrasings of the instruction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look

_POINT = 0.075
"""Inches down the page of one point."""


class Settings(Shown):
    metric: Measure = "accuracy"
    """What the horizontal axis shows. Name in `models` the entries that are one model with other
    templates."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, noise), one row per method with a point for every phrasing.

    Beside a method stands its spread, the largest minus the smallest mean, and on how many of the
    phrasings it rests where one is missing; a missing one has a cross at the left, and one that
    lacks seeds is hollow.
    """
    from annobench.reporting import lines, panels, style
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import groups, select

    tables = tables.only(settings)
    rows = select(tables.summary, metric=settings.metric)
    if rows.empty:
        return panels.nothing(settings.width, f"no cell has the measure {settings.metric}")
    rows = rows.assign(missing=tables.lost(rows))
    looks = style.looks(list(rows["model"].unique()))
    methods = [method for method in tables.methods if method in set(rows["method"])]
    places = list(groups(rows, ["dataset", "noise"]))
    several = rows["dataset"].nunique() > 1
    with style.paper():
        across = 1 if settings.width == "column" else 2
        height = 0.75 + len(methods) * max(0.3, (len(looks) + 1) * _POINT)
        drawn, axes = panels.grid(len(places), across, settings.width, height)
        for panel, (place, found) in zip(axes, places, strict=True):
            _points(panel, found, methods, looks)
            head = [place["dataset"]] if several else []
            panels.title(drawn, panel, [*head, place["noise"]], lines.holes(found))
        drawn.supxlabel(label(settings.metric), fontsize=8)
        panels.legend(drawn, looks, settings.width)
    return drawn


def _points(panel: Axes, rows: pd.DataFrame, methods: list[str], looks: dict[str, Look]) -> None:
    for place, method in enumerate(methods):
        found = rows[rows["method"] == method].set_index("model")
        for number, (model, look) in enumerate(looks.items()):
            if model not in found.index:
                continue
            row = found.loc[model]
            y = place + 0.8 * ((number + 0.5) / len(looks) - 0.5)
            if row["mean"] != row["mean"]:  # no result
                foot = panel.get_yaxis_transform()
                panel.plot(0.01, y, "x", color=look.colour, ms=4, mew=1.2, transform=foot)
                continue
            panel.plot([row["low"], row["high"]], [y, y], color=look.colour, lw=1.0)
            whole = row["seeds"] == row["seeds_planned"]
            inside: dict[str, Any] = (
                {"mec": "white", "mew": 0.3} if whole else {"mfc": "white", "mew": 0.8}
            )
            panel.plot(row["mean"], y, look.marker, color=look.colour, ms=3.5, **inside)
        panel.annotate(
            spread(found["mean"]),
            (1, place),
            (3, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    panel.set_yticks(range(len(methods)), methods)
    panel.set_ylim(len(methods) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color="#e6e6e6", lw=0.5)
    for edge in range(1, len(methods)):
        panel.axhline(edge - 0.5, color="#e6e6e6", lw=0.5)


def spread(means: pd.Series) -> str:
    """The largest minus the smallest, with how many there are where one is missing."""
    known = means.dropna()
    size = f"{known.max() - known.min():.3f}" if len(known) > 1 else "\N{EN DASH}"
    lacks = "" if len(known) == len(means) else f" ({len(known)} of {len(means)})"
    return f"spread\n{size}{lacks}"
