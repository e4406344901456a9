"""Reward of the rollouts, and how many of them can be read, against steps of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables

_QUANTITIES = {"reward": "reward", "parsed": "share read"}
"""Column of HISTORY -> what its axis is called."""


class Settings(Shown):
    window: PositiveInt = 10
    """Steps in the running mean that smooths a curve; 1 shows every step as it was."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """Two panels per (data set, model, noise), one line per method that learns from rewards.

    The line is the mean over the seeds that are ok, the band reaches from the lowest to the highest
    of them; a seed that is not ok ends in a cross. Rewards of different methods need not be on one
    scale.
    """
    from annobench.reporting import curves, panels, style
    from annobench.reporting.study_tables import at

    tables = tables.only(settings)
    history = curves.with_status(tables)
    history = history[history["reward"].notna()]
    if history.empty:
        return panels.nothing(settings.width, "no cell learned from rewards")
    pairs = [(place, column) for place in tables.places for column in _QUANTITIES]
    with style.paper():
        per_row = 4 if len({noise for (_, _, noise), _ in pairs}) > 1 else 2
        drawn, axes = panels.grid(len(pairs), per_row, settings.width, 1.9, shared=False)
        for panel, (place, column) in zip(axes, pairs, strict=True):
            for method, found in at(history, place).groupby("method", sort=False):
                look = tables.looks[str(method)]
                curves.draw(panel, found, ("step", column), look, settings.window, "band")
            *block, noise = place
            head = [", ".join(block)] if len(tables.blocks) > 1 else []
            panels.title(drawn, panel, [*head, noise], curves.holes(tables, place))
            panel.set_ylabel(_QUANTITIES[column])
            panel.grid(axis="y", color="#eeeeee", lw=0.5)
        drawn.supxlabel(curves.axis("step", settings.window).replace("\n", " "), fontsize=8)
        shown = {m: look for m, look in tables.looks.items() if m in set(history["method"])}
        panels.legend(drawn, shown, settings.width, lines=True)
    return drawn
