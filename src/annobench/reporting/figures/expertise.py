"""Learned against true expertise of every simulated annotator."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look

_RHO = "\N{GREEK SMALL LETTER RHO}"


class Settings(Shown):
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model, method, noise), a point per annotator, task and seed.

    Several tasks have a marker each.
    Points of equal true expertise are set side by side, by seed from left to right. Above each
    panel stand the Spearman correlations of the single seeds, and what became of seeds that are
    missing.
    """
    from annobench.evaluation.agreement import EXPERTISE_SPEARMAN
    from annobench.reporting import panels, style
    from annobench.reporting.study_tables import by, select

    tables = tables.only(settings)
    found = tables.annotators[tables.annotators["true_expertise"].notna()]
    shown = settings.methods or tuple(found["method"].unique())
    runs = tables.runs[tables.runs["method"].isin(shown) & tables.runs["noise"].notna()]
    places = runs[["dataset", "model", "method", "noise"]].drop_duplicates()
    if found.empty or places.empty:
        return panels.nothing(settings.width, "no cell learned an expertise that has a true value")
    looks = tables.looks
    blocks = len(tables.blocks)
    keys = list(places.columns)
    measured = select(tables.metrics, metric=EXPERTISE_SPEARMAN)
    points, values = by(found, keys), by(measured, keys)
    markers = dict(zip(found["task"].unique(), cycle("o^sDvP*X"), strict=False))
    with style.paper():
        drawn, axes = panels.grid(len(places), places["noise"].nunique(), settings.width, 1.75)
        for panel, place in zip(axes, places.to_dict("records"), strict=True):
            names = {str(key): str(value) for key, value in place.items()}
            here = tuple(names.values())
            _points(panel, points.get(here, found[:0]), looks[names["method"]], markers)
            head = [f"{names['dataset']}, {names['model']}"] if blocks > 1 else []
            head.append(f"{names['method']}, {names['noise']}")
            panels.title(drawn, panel, head, _note(tables, values.get(here, measured[:0]), names))
        drawn.supxlabel("true expertise", fontsize=8)
        drawn.supylabel("learned expertise", fontsize=8)
        if len(markers) > 1:
            panels.legend(
                drawn,
                {task: style.Look(style.GREY, m) for task, m in markers.items()},
                settings.width,
            )
    return drawn


def _points(panel: Axes, rows: pd.DataFrame, look: Look, markers: dict[str, str]) -> None:
    panel.axline((0, 0), slope=1, color="#bbbbbb", lw=0.7, ls=":", zorder=0.5)
    panel.set_xlim(-0.1, 1.1)
    panel.set_xticks([0, 0.5, 1])
    panel.grid(axis="y", color="#eeeeee", lw=0.5)
    if rows.empty:
        return
    x = side_by_side(rows["true_expertise"].to_numpy(float))
    for task in rows["task"].unique():
        here = (rows["task"] == task).to_numpy()
        panel.plot(
            x[here],
            rows.loc[here, "expertise"],
            markers[task] if len(markers) > 1 else look.marker,
            ls="",
            color=look.colour,
            ms=3.4,
            alpha=0.75,
            mec="white",
            mew=0.3,
        )


def side_by_side(true: np.ndarray) -> np.ndarray:
    """Horizontal places: points of equal true value spread about it, in the order given.

    They take at most 0.14, and at most 0.6 of the way to the next true value.
    """
    import numpy as np

    levels, level, counts = np.unique(true, return_inverse=True, return_counts=True)
    width = min(0.14, 0.6 * float(np.diff(levels).min())) if len(levels) > 1 else 0.14
    position = np.empty(len(true))
    for number, count in enumerate(counts):
        position[level == number] = (np.arange(count) + 0.5) / count - 0.5
    places: np.ndarray = true + width * position
    return places


def _note(tables: StudyTables, measured: pd.DataFrame, place: dict[str, str]) -> str:
    values = measured["value"].dropna()
    reasons = measured.loc[measured["value"].isna() & (measured["status"] == "ok"), "reason"]
    notes = [f"{_RHO} {', '.join(f'{value:.2f}' for value in values)}"] if len(values) else []
    notes += [f"{_RHO} undefined: {reason}" for reason in reasons.dropna().unique()]
    missing = tables.missing(**place)
    return "; ".join([*notes, missing] if missing else notes)
