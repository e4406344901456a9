"""Perplexities of a method's answers: kept and dropped, relabelled rightly and wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width
from annobench.settings import Name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look

_LOOKS = {
    "kept": ("#0072B2", "", "-"),
    "dropped": ("#5a5a5a", "", "--"),
    "relabelled right": ("#009E73", "", "-"),
    "relabelled wrong": ("#D55E00", "", "-."),
}
_AREAS = ("kept", "dropped")
"""Groups drawn as areas, so that those among them can be told from them."""
_SHOWN = 0.99
"""Share of all answers that the horizontal axis reaches to."""
_TICKS = (1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000, 10_000, 100_000)
_ROOM = 1.15
"""How far beyond it, as a multiple of the mean NLL."""
FEWEST = 5
"""Different values that make a density; fewer are drawn one by one."""


class Settings(Shown):
    method: Name = "robustft"
    """The method whose relabelled answers are shown."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model, noise), answers of all seeds together.

    The perplexity is exp(mean token NLL) of the answer that the method selects by. Every density
    has area 1 over the logarithm of the perplexity, however many answers it rests on; n says how
    many. Groups of less than five different values are marks at the foot.
    """
    from math import exp

    from annobench.reporting import lines, panels, style
    from annobench.reporting.study_tables import groups, select

    tables = tables.only(settings)
    rows = select(tables.selection, method=settings.method)
    rows = rows[rows["nll"].notna()]
    if rows.empty:
        return panels.nothing(settings.width, f"no cell of {settings.method} selected an answer")
    looks = {name: style.Look(*look) for name, look in _LOOKS.items()}
    runs = select(tables.runs, method=settings.method)
    places = list(groups(runs[runs["noise"].notna()], ["dataset", "model", "noise"]))
    most = float(rows["nll"].quantile(_SHOWN))
    with style.paper():
        drawn, axes = panels.grid(len(places), 3, settings.width, 1.9)
        for panel, (place, _) in zip(axes, places, strict=True):
            found = by_group(select(rows, **place))
            for name, nll in found.items():
                _density(panel, nll, looks[name], most, area=name in _AREAS)
            counts = ", ".join(f"{name} {len(nll):,}" for name, nll in found.items())
            missing = tables.missing(**place, method=settings.method)
            head = [f"{place['dataset']}, {place['model']}"] if len(tables.blocks) > 1 else []
            note = "; ".join(part for part in (f"n: {counts}", missing) if part)
            panels.title(drawn, panel, [*head, place["noise"]], note)
        right = max(exp(_ROOM * most), 1.01)
        ticks = [tick for tick in _TICKS if tick <= right]
        lines.ticks(axes[0], ticks, lambda x: f"{x:g}", panels.panel_inches(drawn, axes[0]))
        axes[0].set_xlim(1, right)
        drawn.supxlabel("perplexity of the answer", fontsize=8)
        drawn.supylabel("density", fontsize=8)
        panels.legend(drawn, looks, settings.width, lines=True)
    return drawn


def by_group(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The mean token NLL of the rows of each group; the relabelled ones are among the kept."""
    relabelled, right = rows["verdict"] == "relabelled", rows["right"].astype("boolean")
    groups = {
        "kept": rows["verdict"] != "dropped",
        "dropped": rows["verdict"] == "dropped",
        "relabelled right": relabelled & right.fillna(False),
        "relabelled wrong": relabelled & ~right.fillna(True),
    }
    return {name: rows.loc[group, "nll"].to_numpy(float) for name, group in groups.items()}


def _density(panel: Axes, nll: np.ndarray, look: Look, most: float, area: bool) -> None:
    """Mirrored at a perplexity of 1, below which there is none."""
    import numpy as np
    from scipy.stats import gaussian_kde

    panel.set_xscale("log")
    if len(np.unique(nll)) < FEWEST:
        foot = panel.get_xaxis_transform()
        ticks = np.exp(np.unique(nll))
        panel.plot(ticks, np.full(len(ticks), 0.04), "|", color=look.colour, ms=8, transform=foot)
        return
    at = np.union1d(np.linspace(0, _ROOM * most, 300), nll[nll <= _ROOM * most])
    estimated = gaussian_kde(nll)
    density = estimated(at) + estimated(-at)
    if area:
        panel.fill_between(np.exp(at), density, color=look.colour, alpha=0.2, lw=0)
    panel.plot(np.exp(at), density, look.line, color=look.colour, lw=0.6 if area else 1.2)
