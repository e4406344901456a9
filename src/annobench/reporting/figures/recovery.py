"""Precision and recall of the users kept, against comparisons per user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables

_MEASURES = ("precision", "recall")
"""Columns of RECOVERY."""


class Settings(Shown):
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One column of panels per (data set, noise), one line per estimator at its default settings.

    Points are means over the seeds in which the measure is defined, with their t interval; a cross
    at the foot is an estimator that refused, or kept nobody, in every seed.
    """
    from annobench.reporting import estimators, lines, panels, style
    from annobench.reporting.study_tables import groups

    tables = tables.only(settings)
    rows = tables.recovery[tables.recovery["mu"].isna()]
    if rows.empty:
        return panels.nothing(settings.width, "no cell has users of known attentiveness")
    looks = estimators.looks(tables)
    several = rows["noise"].nunique() > 1
    places = list(groups(rows, estimators.PLACE))
    with style.paper():
        drawn, columns = panels.stacked(len(places), len(_MEASURES), settings.width, 1.7)
        for column, (_, found) in zip(columns, places, strict=True):
            for panel, measure in zip(column, _MEASURES, strict=True):
                panel.set_xscale("log")
                means = estimators.over_seeds(found, ["estimator", "comparisons"], measure)
                means = means.rename(columns={"estimator": "method", "comparisons": "x"})
                lines.lines(panel, means.astype({"x": float}), looks)
                if panels.is_leftmost(panel):
                    panel.set_ylabel(measure)
            panels.title(drawn, column[0], *estimators.titles(found, several))
        panel = columns[0][0]
        panel.set_ylim(-0.03, 1.05)
        inches = panels.panel_inches(drawn, panel)
        lines.ticks(panel, rows["comparisons"].tolist(), lambda x: f"{x:.0f}", inches)
        drawn.supxlabel("comparisons per user, at most", fontsize=8)
        panels.legend(drawn, looks, settings.width)
    return drawn
