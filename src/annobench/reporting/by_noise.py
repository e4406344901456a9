"""Estimates of every method side by side under each noise, as two figures draw them."""

from __future__ import annotations

from math import isnan, nan
from typing import TYPE_CHECKING, Any

from annobench.reporting import panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.style import Look

Row = dict[Any, Any]
"""noise, method, mean, low, high, seeds, seeds_planned and what is `missing`; `told` if it may be
false: that the estimate is apart from 0."""
_SPREAD = 0.7
"""Share of a noise's place on the axis that its methods take."""


def points(panel: Axes, rows: list[Row], noises: list[str], looks: dict[str, Look]) -> None:
    """Means with their intervals; above one that lacks seeds how many it has.

    A method without any result has a cross at the foot with what became of it. A point that is not
    told from 0 is hollow.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    drawn: dict[tuple[str, bool], list[tuple[float, Row]]] = {}
    for row in rows:
        shift = (methods.index(row["method"]) + 0.5) / len(methods) - 0.5
        x = noises.index(row["noise"]) + _SPREAD * shift
        look = looks[row["method"]]
        if isnan(row["mean"]):
            foot = panel.get_xaxis_transform()
            panel.plot(x, 0.03, "x", color=look.colour, ms=5, mew=1.4, transform=foot)
            panels.write(panel, (x, 0.03), (0, 5), row["missing"], look, xycoords=foot, rotation=90)
            continue
        drawn.setdefault((row["method"], bool(row.get("told", True))), []).append((x, row))
        if row["seeds"] < row["seeds_planned"]:
            done = f"{row['seeds']}/{row['seeds_planned']}"
            panels.write(panel, (x, row["high"]), (0, 2), done, look)
    for (method, told), placed in drawn.items():
        _alike(panel, placed, looks[method], told)


def _alike(panel: Axes, placed: list[tuple[float, Row]], look: Look, told: bool) -> None:
    """Points of one method: thousands of lines of their own would take as many milliseconds."""
    import numpy as np

    inside: Row = {"ms": 4.5, "mec": "white", "mew": 0.4}
    if not told:
        inside = {"ms": 3.8, "mec": look.colour, "mew": 0.9, "mfc": "white"}
    across = [x for x, _ in placed]
    ends = [end for _, row in placed for end in (row["low"], row["high"], nan)]  # nan: a gap
    panel.plot(np.repeat(across, 3), ends, color=look.colour, lw=1.4)
    means = [row["mean"] for _, row in placed]
    panel.plot(across, means, look.marker, color=look.colour, ls="none", **inside)


def name_noises(panel: Axes, noises: list[str]) -> None:
    panel.set_xlim(-0.5, len(noises) - 0.5)
    panel.set_xticks(range(len(noises)), noises)
    panel.tick_params(axis="x", length=0)
    panel.grid(axis="y", color="#e6e6e6", lw=0.5)


def slant_if_crowded(figure: Figure, noises: list[str]) -> None:
    longest = max(map(len, noises)) * 0.065
    if longest > panels.panel_inches(figure, figure.axes[0]) / len(noises):
        panels.grow(figure, longest / 2)
        for text in (text for panel in figure.axes for text in panel.get_xticklabels()):
            text.set(rotation=30, ha="right", rotation_mode="anchor")
