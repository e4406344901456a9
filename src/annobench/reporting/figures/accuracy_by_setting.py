"""A metric against one setting of a method, such as RobustFT's beta or k."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    key: str = Field(default="beta", min_length=1)
    """The setting on the horizontal axis. Name in `methods` those that make up a line; methods that
    have no number there are left out, and those that differ in another setting are not joined."""
    metric: Measure = "accuracy"
    """What the vertical axis shows."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per data set, one line per (model, noise) through the methods that differ in `key`
    alone; a method stands at its default where its entry does not name the key."""
    from annobench.reporting import lines, panels, style
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import groups, select

    tables = tables.only(settings)
    rows = select(tables.summary, metric=settings.metric).merge(
        by_method(tables.runs, settings.key), on="method"
    )
    if rows.empty:
        return panels.nothing(
            settings.width,
            f"no cell has the measure {settings.metric} and a number as {settings.key}",
        )
    rows["missing"] = [
        f"{method} {missing}" if missing else ""
        for method, missing in zip(rows["method"], tables.lost(rows), strict=True)
    ]
    rows["method"] = _names(rows)
    looks = style.looks(list(rows["method"].unique()))
    places = list(groups(rows, ["dataset"]))
    with style.paper():
        drawn, axes = panels.grid(len(places), 2, settings.width, 2.2)
        for panel, (place, found) in zip(axes, places, strict=True):
            lines.lines(panel, found, looks)
            panels.title(drawn, panel, [place["dataset"]], lines.holes(found))
        inches = panels.panel_inches(drawn, axes[0])
        lines.ticks(axes[0], rows["x"].tolist(), lambda x: f"{x:.3g}", inches)
        drawn.supxlabel(settings.key, fontsize=8)
        drawn.supylabel(label(settings.metric), fontsize=8)
        panels.legend(drawn, looks, settings.width)
    return drawn


def by_method(runs: pd.DataFrame, key: str) -> pd.DataFrame:
    """Of every method with a number as that setting: the number `x`, and the `others` as text."""
    import json

    import pandas as pd

    rows = []
    known = runs[["method", "settings"]].dropna().drop_duplicates("method")
    for method, text in known.itertuples(index=False):
        others = json.loads(text)
        x = others.pop(key, None)
        if isinstance(x, int | float) and not isinstance(x, bool):
            rows.append({"method": method, "x": float(x), "others": json.dumps(others)})
    return pd.DataFrame(rows, columns=["method", "x", "others"])


def _names(rows: pd.DataFrame) -> pd.Series:
    """Of the line that each row belongs to: what tells it from the other lines."""
    first = rows.groupby("others")["method"].transform("first")
    parts = [rows["model"], first, rows["noise"]]
    several = [part for part in parts[:2] if part.nunique() > 1]
    name = rows["noise"].astype(str)
    for part in reversed(several):
        name = part.astype(str) + ", " + name
    return name
