"""Learned beside true expertise as heat maps: annotators down, tasks across."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width
from annobench.settings import Name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from annobench.reporting.study_tables import StudyTables

_RHO = "\N{GREEK SMALL LETTER RHO}"
_ROW = 0.14
"""Inches of an annotator's row, where there is room; half of it where there are many."""


class Settings(Shown):
    method: Name = "realm"
    """The method whose learned expertise is shown."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """A pair of panels per (data set, model, noise): learned (mean over seeds) and true expertise.

    Annotators are sorted by their mean true expertise, the best on top; where the truth is not
    known, by the learned one. Above each pair stand the Spearman correlations over all its cells,
    one for each seed. Where the truth differs by seed, the first seed alone is shown.
    """
    from annobench.reporting import panels, style
    from annobench.reporting.study_tables import groups, select

    tables = tables.only(settings)
    found = select(tables.annotators, method=settings.method)
    if found.empty:
        return panels.nothing(settings.width, f"no cell of {settings.method} learned an expertise")
    places = list(groups(found, ["dataset", "model", "noise"]))
    low = min(0.0, float(found["expertise"].min()))
    high = max(1.0, float(found["expertise"].max()))
    most = found.groupby(["dataset", "model", "noise"])["annotator"].nunique().max()
    with style.paper():
        height = 1.35 + most * (_ROW if most <= 25 else _ROW / 2)
        drawn, axes = panels.grid(2 * len(places), 4, settings.width, height, shared=False)
        for number, (place, rows) in enumerate(places):
            learned, true = axes[2 * number : 2 * number + 2]
            seed, pair = matrices(rows)
            shown = [
                _map(panel, matrix, low, high)
                for panel, matrix in zip((learned, true), pair, strict=True)
            ]
            true.tick_params(labelleft=False)
            names = [place["noise"]]
            if len(tables.blocks) > 1:
                names = [f"{place['dataset']}, {place['model']}", *names]
            panels.title(drawn, learned, [*names, "learned"], _note(tables, rows, place, settings))
            panels.title(drawn, true, [seed, "true"] if seed else ["true"])
            if pair[1].isna().all(axis=None):
                true.text(0.5, 0.5, "not known", transform=true.transAxes, ha="center", va="center")
        bar = drawn.colorbar(shown[0], ax=axes, location="bottom", fraction=0.05, shrink=0.5)
        bar.set_label("expertise")
        bar.outline.set_visible(False)
        panels.grow(drawn, 0.5)
    return drawn


def matrices(rows: pd.DataFrame) -> tuple[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Learned and true [annotators, tasks] in one order, and which seed if not the mean of all."""
    keys = ["annotator", "task"]
    differs = rows.groupby(keys)["true_expertise"].nunique().gt(1).any()
    only = ""
    if differs:
        rows = rows[rows["seed"] == rows["seed"].iloc[0]]
        only = f"seed {rows['seed'].iloc[0]}"
    means = rows.groupby(keys)[["expertise", "true_expertise"]].mean()
    learned, true = means["expertise"].unstack(), means["true_expertise"].unstack()
    level = learned.mean(axis=1) if true.isna().all(axis=None) else true.mean(axis=1)
    order = level.sort_values(ascending=False, kind="stable").index
    return only, (learned.loc[order], true.loc[order])


def _map(panel: Axes, matrix: pd.DataFrame, low: float, high: float) -> AxesImage:
    """As many annotators are named as there is room for; a few cells have their number."""
    from math import ceil

    from annobench.reporting import panels

    shown = panel.imshow(matrix.to_numpy(float), cmap="viridis", vmin=low, vmax=high, aspect="auto")
    step = ceil(len(matrix) / 25)
    panel.set_yticks(
        range(0, len(matrix), step), [panels.tick(str(name)) for name in matrix.index[::step]]
    )
    panel.set_xticks(range(matrix.shape[1]), [panels.tick(str(name)) for name in matrix.columns])
    for text in panel.get_xticklabels():
        text.set(rotation=30, ha="right", rotation_mode="anchor")
    panel.tick_params(length=0, labelsize=6.5)
    panel.spines[:].set_visible(False)
    if len(matrix) <= 25 and matrix.shape[1] <= 5:
        for row, values in enumerate(matrix.to_numpy(float)):
            for column, value in enumerate(values):
                dark = (value - low) / (high - low) < 0.6
                if value == value:  # known
                    panel.text(
                        column,
                        row,
                        f"{value:.2f}".replace("-", "\N{MINUS SIGN}"),
                        ha="center",
                        va="center",
                        fontsize=5.5,
                        color="white" if dark else "black",
                    )
    return shown


def _note(
    tables: StudyTables, rows: pd.DataFrame, place: dict[str, str], settings: Settings
) -> str:
    from annobench.evaluation.agreement import spearman

    known = rows.dropna(subset="true_expertise")
    cells = len(known[["annotator", "task"]].drop_duplicates())
    found = [
        spearman(run["expertise"].to_numpy(float), run["true_expertise"].to_numpy(float))
        for _, run in known.groupby("seed", sort=True)
    ]
    values = ", ".join(f"{a.value:.2f}" for a in found if a.value is not None)
    reasons = dict.fromkeys(f"{_RHO} undefined: {a.reason}" for a in found if a.value is None)
    missing = tables.missing(**place, method=settings.method)
    return "; ".join(
        part
        for part in (f"{_RHO} over {cells} cells: {values}" if values else "", *reasons, missing)
        if part
    )
