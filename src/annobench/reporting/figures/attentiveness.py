"""Estimated against true attentiveness of every simulated user, with intervals."""

from __future__ import annotations

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

_NOTED = {"attentiveness-mae": "MAE", "expertise-spearman": "\N{GREEK SMALL LETTER RHO}"}
_FEW = 5
"""Users of so many true values are set side by side."""
_WIDEST = 0.6


class Settings(Shown):
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model, method, noise) whose users compare responses, a point with
    its 95 % interval per user and seed.

    Where there are a few true values only, users of one stand side by side, by rising estimate, on
    a line at the true value; else the dotted line is equality. Above each panel stand the mean over
    seeds of the mean absolute error and of Spearman's correlation.
    """
    from annobench.reporting import panels, style

    tables = tables.only(settings)
    draws = tables.recovery[["dataset", "noise"]].drop_duplicates()
    found = tables.annotators[tables.annotators["true_expertise"].notna()]
    found = found.merge(draws, on=["dataset", "noise"])
    keys = ["dataset", "model", "method", "noise"]
    runs = tables.runs[tables.runs["method"].isin(found["method"])].merge(draws)
    places = runs[keys].drop_duplicates()
    if found.empty:
        return panels.nothing(settings.width, "no cell estimated a known attentiveness of users")
    blocks = len(runs[["dataset", "model"]].drop_duplicates())
    with style.paper():
        drawn, axes = panels.grid(len(places), places["noise"].nunique(), settings.width, 1.75)
        for panel, place in zip(axes, places.to_dict("records"), strict=True):
            names = {str(key): str(value) for key, value in place.items()}
            rows = found[(found[keys] == list(names.values())).all(axis=1)]
            _points(panel, rows, tables.looks[names["method"]])
            head = [f"{names['dataset']}, {names['model']}"] if blocks > 1 else []
            head.append(f"{names['method']}, {names['noise']}")
            panels.title(drawn, panel, head, _note(tables, names))
            panel.set_ylim(-0.05, 1.05)
            panel.set_yticks([0, 0.5, 1])
            panel.set_xticks([0, 0.5, 1])
        drawn.supxlabel("true attentiveness", fontsize=8)
        drawn.supylabel("estimated attentiveness", fontsize=8)
    return drawn


def _points(panel: Axes, rows: pd.DataFrame, look: Look) -> None:
    import numpy as np

    panel.grid(axis="y", color="#eeeeee", lw=0.5)
    true = rows["true_expertise"].to_numpy(float)
    estimated = rows["expertise"].to_numpy(float)
    levels = np.unique(true)
    x, size = true, 2.4
    if len(levels) <= _FEW:
        x, size = strips(true, estimated), 1.4
        for level in levels:
            ends = x[true == level]
            panel.hlines(level, ends.min(), ends.max(), color="#999999", lw=0.8, ls=":")
    else:
        panel.axline((0, 0), slope=1, color="#999999", lw=0.8, ls=":")
    panel.vlines(x, rows["low"], rows["high"], color=look.colour, lw=0.5, alpha=0.15)
    panel.plot(x, estimated, "o", color=look.colour, ms=size, mew=0, alpha=0.8)


def strips(true: np.ndarray, estimated: np.ndarray) -> np.ndarray:
    """Horizontal places: users of equal true value spread about it, by rising estimate."""
    import numpy as np

    levels = np.unique(true)
    width = min(_WIDEST, 0.8 * float(np.diff(levels).min())) if len(levels) > 1 else _WIDEST
    places = true.astype(float)
    for level in levels:
        here = np.flatnonzero(true == level)
        rank = np.argsort(np.argsort(estimated[here], kind="stable"), kind="stable")
        places[here] += width * ((rank + 0.5) / len(here) - 0.5)
    return places


def _note(tables: StudyTables, place: dict[str, str]) -> str:
    from annobench.reporting.study_tables import select

    notes = []
    for metric, name in _NOTED.items():
        values = select(tables.metrics, **place, metric=metric)["value"].dropna()
        notes += [f"{name} {values.mean():.2f}"] if len(values) else []
    missing = tables.missing(**place)
    return ", ".join([*notes, missing] if missing else notes)
