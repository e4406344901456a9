"""Accuracy by task, or by category of MMLU's subjects, of every method around a circle."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Literal

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look

_TASK = "accuracy:"
FEWEST = 3
"""Spokes that make an area."""
_MANY = 8
"""Spokes whose names have no room side by side."""
_POINTS = 6.5
"""Of a spoke's name."""


class Settings(Shown):
    groups: Literal["tasks", "mmlu"] = "tasks"
    """What a spoke is: a task of the data set, or a category of MMLU's subjects."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model, noise), one closed line per method.

    The mean of a category weighs every item alike. A spoke names how many items it rests on; where
    a method has no result its line is open.
    """
    from annobench.reporting import lines, panels, style
    from annobench.reporting.study_tables import groups

    tables = tables.only(settings)
    rows = by_spoke(tables.summary, _categories() if settings.groups == "mmlu" else None)
    rows = rows[rows.groupby("dataset")["spoke"].transform("nunique") >= FEWEST]
    if rows.empty:
        what = "tasks" if settings.groups == "tasks" else "categories of MMLU"
        return panels.nothing(settings.width, f"no cell has the accuracy of {FEWEST} {what}")
    rows["missing"] = tables.lost(rows)
    places = list(groups(rows, ["dataset", "model", "noise"]))
    several = len(tables.blocks) > 1
    with style.paper():
        across, height = (3, 2.5) if settings.width == "page" else (1, 3.0)
        if rows["spoke"].nunique() > _MANY:
            across, height = max(1, across - 1), 4.6
        drawn, axes = panels.grid(
            len(places), across, settings.width, height, shared=False, projection="polar"
        )
        for panel, (place, found) in zip(axes, places, strict=True):
            lift = _spokes(panel, found, tables.looks, float(rows["mean"].max()))
            head = [f"{place['dataset']}, {place['model']}"] if several else []
            panels.title(drawn, panel, [*head, place["noise"]], lines.holes(found), lift)
        shown = {m: look for m, look in tables.looks.items() if m in set(rows["method"])}
        panels.legend(drawn, shown, settings.width)
    return drawn


def _categories() -> dict[str, str]:
    from annobench.data.mmlu import CATEGORIES

    return CATEGORIES


def by_spoke(summary: pd.DataFrame, categories: Mapping[str, str] | None) -> pd.DataFrame:
    """Mean accuracy of every spoke: SUMMARY's place, method, `spoke`, `mean` and `items`.

    Args:
        categories: task -> category; tasks without one are left out. Without it a task is a spoke.
    """
    rows = summary[summary["metric"].str.startswith(_TASK)]
    tasks = rows["metric"].str.removeprefix(_TASK)
    spokes = tasks if categories is None else tasks.map(dict(categories))
    rows = rows.assign(spoke=spokes, weighted=rows["mean"] * rows["items"]).dropna(subset="spoke")
    keys = ["dataset", "model", "noise", "method", "spoke"]
    sums = rows.groupby(keys, as_index=False, sort=False).agg(
        items=("items", "sum"), weighted=("weighted", lambda column: column.sum(skipna=False))
    )
    return sums.assign(mean=sums["weighted"] / sums["items"]).drop(columns="weighted")


def _spokes(panel: Axes, rows: pd.DataFrame, looks: Mapping[str, Look], most: float) -> float:
    """The lines of a panel whose centre is 0; how many points the names stand out above it."""
    import numpy as np
    from matplotlib.patheffects import withStroke

    spokes = list(dict.fromkeys(rows["spoke"]))
    angles = 2 * np.pi * np.arange(len(spokes)) / len(spokes)
    closed = [*range(len(spokes)), 0]
    for method, found in rows.groupby("method", sort=False):
        look = looks[str(method)]
        means = found.set_index("spoke")["mean"].reindex(spokes).to_numpy(float)
        panel.plot(
            angles[closed],
            means[closed],
            look.line,
            color=look.colour,
            marker=look.marker,
            lw=0.9,
            ms=2.8,
            mew=0,
        )
    items = rows.groupby("spoke")["items"].max()
    panel.set_ylim(0, 1.05 * most)
    out = _name(panel, angles, {spoke: int(items[spoke]) for spoke in spokes})
    step = 0.25 if len(spokes) <= _MANY else 0.5
    rings = [float(ring) for ring in np.arange(step, 1.01, step) if ring <= most]
    panel.set_yticks(rings, [""] * len(rings))
    rim = [withStroke(linewidth=2, foreground="white")]
    for ring in rings:  # above the lines, between two spokes
        panel.text(np.pi / len(spokes), ring, f"{ring:g}", fontsize=6, path_effects=rim)
    panel.grid(color="#d0d0d0", lw=0.5)
    panel.spines["polar"].set_visible(False)
    return out


def _name(panel: Axes, angles: np.ndarray, spokes: dict[str, int]) -> float:
    """Name the spokes, many of them along themselves; how many points the names stand out."""
    import numpy as np

    if len(spokes) > _MANY:
        names = [f"{_words(spoke)}, n {items:,}" for spoke, items in spokes.items()]
        panel.set_xticks(angles, [""] * len(names))
        for angle, name in zip(angles, names, strict=True):
            left = np.cos(angle) < -1e-9
            panel.text(
                angle,
                1.04 * panel.get_ylim()[1],
                name,
                rotation=np.degrees(angle) - (180 if left else 0),
                rotation_mode="anchor",
                ha="right" if left else "left",
                va="center",
                fontsize=5.5,
            )
        return 5.5 * 0.5 * max(map(len, names))
    names = [f"{fill(_words(spoke), 14)}\nn {items:,}" for spoke, items in spokes.items()]
    panel.set_xticks(angles, names)
    for angle, text in zip(angles, panel.get_xticklabels(), strict=True):
        ha = _side(float(np.cos(angle)), "right", "left")
        text.set(ha=ha, va=_side(float(np.sin(angle)), "top", "bottom"))
    panel.tick_params(axis="x", labelsize=_POINTS, pad=-4)
    return 1.3 * _POINTS * (1 + max(name.count("\n") for name in names)) + 8


def _side(place: float, below: str, above: str) -> str:
    """The alignment of a name that stands on that side of the centre."""
    return "center" if abs(place) < 0.1 else above if place > 0 else below


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")
