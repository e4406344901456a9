"""What estimators make of users when mu is wrong: share, precision and recall against mu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables

_MEASURES = {"share": "share found", "precision": "precision", "recall": "recall"}
"""Column of RECOVERY -> what its axis is called."""
_TRUTH: dict[str, Any] = {"color": "#999999", "lw": 0.8, "ls": (0, (4, 2)), "zorder": 0.8}


class Settings(Shown):
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One column of panels per (data set, noise), one line per estimator through the assumed mu.

    Points are means over the seeds in which the measure is defined, with their t interval. Dashed
    lines are the true mu and the true share; a hollow point stands at the mu that an estimator
    finds on its own. A cross at the foot is an estimator that refused, or kept nobody, in every
    seed.
    """
    from annobench.reporting import estimators, lines, panels, style
    from annobench.reporting.study_tables import groups

    tables = tables.only(settings)
    rows = estimators.at_most(tables.recovery)
    rows = rows[rows["mu_true"].notna()]
    if rows.empty:
        return panels.nothing(settings.width, "no cell has users of known attentiveness")
    looks = estimators.looks(tables)
    several = rows["noise"].nunique() > 1
    places = list(groups(rows, estimators.PLACE))
    with style.paper():
        drawn, columns = panels.stacked(len(places), len(_MEASURES), settings.width, 1.6)
        for column, (_, found) in zip(columns, places, strict=True):
            assumed = _assumed(found)
            alone = found[found["mu"].isna()]
            for panel, (measure, name) in zip(column, _MEASURES.items(), strict=True):
                lines.lines(panel, _means(assumed, measure), looks, 0.02)
                for point in _means(alone.assign(x=_found_mu(alone)), measure).to_dict("records"):
                    look = looks[point["method"]]
                    panel.plot(
                        point["x"], point["mean"], look.marker, color=look.colour, mfc="white", ms=6
                    )
                panel.axvline(found["mu_true"].mean(), **_TRUTH)
                if panels.is_leftmost(panel):
                    panel.set_ylabel(name)
            column[0].axhline(found["share_true"].mean(), **_TRUTH)
            panels.title(drawn, column[0], *estimators.titles(alone, several))
        panel = columns[0][0]
        panel.set_ylim(-0.03, 1.05)
        inches = panels.panel_inches(drawn, panel)
        ticks = rows["mu"].dropna()[rows["mu"] != rows["mu_true"]].tolist()
        lines.ticks(panel, ticks, lambda x: f"{x:g}", inches)
        panel.set_xlim(left=min(panel.get_xlim()[0], rows["mu_true"].min() - 0.02))
        drawn.supxlabel(f"{estimators.MU} that the estimator is told", fontsize=8)
        panels.legend(drawn, looks, settings.width)
    return drawn


def _assumed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose mu is assumed, at `x`; the true mu at its mean over seeds."""
    given = rows[rows["mu"].notna()]
    true = given["mu"] == given["mu_true"]
    return given.assign(x=given["mu"].mask(true, given["mu_true"].mean()))


def _found_mu(rows: pd.DataFrame) -> pd.Series:
    """The mean over seeds of what each estimator finds."""
    return rows.groupby("estimator")["mu_found"].transform("mean")


def _means(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    from annobench.reporting import estimators

    means = estimators.over_seeds(rows, ["estimator", "x"], measure)
    return means.rename(columns={"estimator": "method"}).sort_values("method", kind="stable")
