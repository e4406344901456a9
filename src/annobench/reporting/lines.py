"""A line per method against something that is measured, as two figures draw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from annobench.reporting.style import Look

SPREAD = 0.07
"""Share of the axis over which the methods of one place are spread, so that their intervals do not
hide each other."""


def lines(panel: Axes, rows: pd.DataFrame, looks: dict[str, Look], spread: float = SPREAD) -> None:
    """One line per method through its means at column `x`, with their intervals.

    A method without any result at a place has a cross at the foot there.

    Args:
        spread: share of the axis over which the methods of one place are set side by side.
    """
    import numpy as np

    logarithmic = panel.get_xscale() == "log"
    scaled = np.log(rows["x"]) if logarithmic else rows["x"]
    width = spread * float(np.ptp(scaled)) or 0.4
    methods = list(dict.fromkeys(rows["method"]))
    for number, method in enumerate(methods):
        look = looks[method]
        aside = width * ((number + 0.5) / len(methods) - 0.5)
        mine = rows[rows["method"] == method].sort_values("x")
        x = mine["x"] * np.exp(aside) if logarithmic else mine["x"] + aside
        known = mine["mean"].notna()
        panel.errorbar(
            x[known],
            mine["mean"][known],
            [(mine["mean"] - mine["low"])[known], (mine["high"] - mine["mean"])[known]],
            color=look.colour,
            marker=look.marker,
            ls=look.line,
            lw=1.0,
            elinewidth=0.9,
            ms=4,
            mec="white",
            mew=0.3,
        )
        foot = panel.get_xaxis_transform()
        panel.plot(
            x[~known],
            np.full((~known).sum(), 0.03),
            "x",
            color=look.colour,
            ms=5,
            mew=1.4,
            transform=foot,
        )
    panel.grid(axis="y", color="#e6e6e6", lw=0.5)


def ticks(
    panel: Axes, places: Sequence[float], text: Callable[[float], str], inches: float
) -> None:
    """Ticks at the measured places, as many as can be told apart; room to both sides.

    Args:
        inches: width of the panel.
    """
    from math import log10

    logarithmic = panel.get_xscale() == "log"
    at = {place: log10(place) if logarithmic else place for place in sorted(set(places))}
    low, high = min(at.values()), max(at.values())
    room = 0.15 * (high - low) or 0.3
    low, high = low - room, high + room
    kept: list[float] = []
    for place in at:
        needed = 0.065 * (len(text(place)) + 1) * (high - low) / inches
        if not kept or at[place] - at[kept[-1]] >= needed:
            kept.append(place)
    panel.set_xlim(*((10**low, 10**high) if logarithmic else (low, high)))
    panel.set_xticks(kept, [text(place) for place in kept])
    panel.set_xticks([], minor=True)


def holes(rows: pd.DataFrame, absent: Mapping[str, str] | None = None) -> str:
    """What each method is missing, of rows with columns method and missing.

    Args:
        absent: what became of methods that have no row, as `StudyTables.absent` tells it.
    """
    lacking = rows[rows["missing"] != ""]
    texts = {
        str(method): ", ".join(dict.fromkeys(found["missing"]))
        for method, found in lacking.groupby("method", sort=False)
    }
    texts = {method: text for method, text in (absent or {}).items() if text} | texts
    never = [method for method, text in (absent or {}).items() if not text]
    told = [f"{method}: {text}" for method, text in texts.items()]
    return "; ".join([*told, f"without {', '.join(never)}"] if never else told)
