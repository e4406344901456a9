"""Training loss against epochs: every seed thin, the mean of a method thick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    window: PositiveInt = 10
    """Steps in the running mean that smooths a curve; 1 shows every step as it was."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model, noise).

    Methods that do not depend on noise are the same in every panel. The mean is over the
    seeds that are ok; a seed that is not ends in a cross at its last finite loss. The losses of
    different methods are not on one scale.
    """
    from annobench.reporting import curves, panels, style
    from annobench.reporting.study_tables import at, by

    tables = tables.only(settings)
    if tables.history.empty:
        return panels.nothing(settings.width, "no cell was trained")
    looks = tables.looks
    places, history = tables.places, curves.with_status(tables)
    blocks = by(history, ["dataset", "model"])
    with style.paper():
        noises = len({noise for _, _, noise in places})
        drawn, axes = panels.grid(len(places), noises, settings.width, 1.9)
        for panel, place in zip(axes, places, strict=True):
            *block, noise = place
            here = at(blocks.get(place[:2], history[:0]), place)
            for method, found in here.groupby("method", sort=False):
                look = looks[str(method)]
                curves.draw(panel, found, ("epoch", "loss"), look, settings.window)
            head = [", ".join(block)] if len(tables.blocks) > 1 else []
            panels.title(drawn, panel, [*head, noise], curves.holes(tables, place))
            panel.grid(axis="y", color="#eeeeee", lw=0.5)
        drawn.supxlabel("epoch", fontsize=8)
        drawn.supylabel(curves.axis("training loss", settings.window), fontsize=8)
        trained = set(tables.history["method"])
        shown = {method: look for method, look in looks.items() if method in trained}
        panels.legend(drawn, shown, settings.width, lines=True)
    return drawn
