"""What is measured at every step of training, as curves of methods over their seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from annobench.reporting.study_tables import Place, StudyTables
    from annobench.reporting.style import Look


def with_status(tables: StudyTables) -> pd.DataFrame:
    """The history of every cell, beside what became of it."""
    keys = ["dataset", "model", "method", "noise", "seed"]
    return tables.history.merge(tables.runs[[*keys, "status"]], on=keys)


def draw(
    panel: Axes,
    rows: pd.DataFrame,
    axes: tuple[str, str],
    look: Look,
    window: int,
    seeds: Literal["lines", "band"] = "lines",
) -> None:
    """One method: the mean of the seeds that are ok thick, smoothed by a running mean.

    The seeds are thin lines, or a band from the lowest to the highest of those that are ok. A seed
    that is not ok is a thin line that ends in a cross at its last finite value.

    Args:
        rows: `with_status` of the method.
        axes: the columns on the horizontal and the vertical axis.
        window: steps in the running mean.
    """
    import numpy as np

    x, y = axes
    steps = list(dict.fromkeys(["step", x, y]))
    smooth = rows.loc[np.isfinite(rows[y]), [*steps, "seed", "status"]]
    smooth = smooth.sort_values("step", ignore_index=True)
    by_seed = smooth.groupby("seed", dropna=False)
    smooth[y] = by_seed[y].rolling(window, min_periods=1, center=True).mean().droplevel(0)
    across, up = smooth[x].to_numpy(), smooth[y].to_numpy()
    ok = (smooth["status"] == "ok").to_numpy(bool)
    for at in by_seed.indices.values():
        if seeds == "lines" or not ok[at].all():
            panel.plot(across[at], up[at], color=look.colour, lw=0.5, alpha=0.4)
        if not ok[at].all():
            last = across[at[-1]], up[at[-1]]
            panel.plot(*last, "X", color=look.colour, ms=7, mec="white", zorder=3)
    if ok.any():
        by_step = smooth[ok].groupby("step", as_index=False)
        mean = by_step[steps].mean()
        panel.plot(mean[x], mean[y], look.line, color=look.colour, lw=1.6)
        if seeds == "band":
            ends = by_step[y].min()[y], by_step[y].max()[y]
            panel.fill_between(mean[x], *ends, color=look.colour, alpha=0.18, lw=0)


def axis(name: str, window: int) -> str:
    """An axis title that states the smoothing."""
    return name if window == 1 else f"{name}\n(running mean of {window} steps)"


def holes(tables: StudyTables, place: Place) -> str:
    """What each method is missing there, a line each."""
    texts = ((method, tables.missing(*place, method)) for method in tables.methods)
    return "\n".join(f"{method}: {missing}" for method, missing in texts if missing)
