"""Training loss against epochs: every seed thin, the mean of a method thick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look


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
    from annobench.evaluation.summary import NO_NOISE
    from annobench.reporting import panels, style
    from annobench.reporting.study_tables import select

    tables = tables.only(settings)
    if tables.history.empty:
        return panels.nothing(settings.width, "no cell was trained")
    looks = tables.looks
    trained = set(tables.history["method"])
    places = [
        (dataset, model, noise)
        for dataset, model in tables.blocks
        for noise in select(tables.runs, dataset=dataset, model=model)["noise"]
        .dropna()
        .unique()
        .tolist()
        or [NO_NOISE]
    ]
    history = tables.history.merge(
        tables.runs[["dataset", "model", "method", "noise", "seed", "status"]],
        on=["dataset", "model", "method", "noise", "seed"],
    )
    with style.paper():
        noises = len({noise for _, _, noise in places})
        drawn, axes = panels.grid(len(places), noises, settings.width, 1.9)
        for panel, (dataset, model, noise) in zip(axes, places, strict=True):
            rows = select(history, dataset=dataset, model=model)
            rows = rows[rows["noise"].isna() | (rows["noise"] == noise)]
            for method, found in rows.groupby("method", sort=False):
                _curves(panel, found, looks[str(method)], settings.window)
            head = [f"{dataset}, {model}"] if len(tables.blocks) > 1 else []
            panels.title(drawn, panel, [*head, noise], _holes(tables, dataset, model, noise))
            panel.grid(axis="y", color="#eeeeee", lw=0.5)
        drawn.supxlabel("epoch", fontsize=8)
        drawn.supylabel(_axis(settings.window), fontsize=8)
        shown = {method: look for method, look in looks.items() if method in trained}
        panels.legend(drawn, shown, settings.width, lines=True)
    return drawn


def _axis(window: int) -> str:
    return "training loss" if window == 1 else f"training loss\n(running mean of {window} steps)"


def _curves(panel: Axes, rows: pd.DataFrame, look: Look, window: int) -> None:
    import numpy as np
    import pandas as pd

    finite = rows[np.isfinite(rows["loss"])].sort_values("step")
    ok: list[pd.DataFrame] = []
    for _, run in finite.groupby("seed", dropna=False):
        smooth = run.assign(loss=run["loss"].rolling(window, min_periods=1, center=True).mean())
        panel.plot(smooth["epoch"], smooth["loss"], color=look.colour, lw=0.5, alpha=0.4)
        if (run["status"] == "ok").all():
            ok.append(smooth)
        else:
            last = smooth.iloc[-1]
            panel.plot(
                last["epoch"], last["loss"], "X", color=look.colour, ms=7, mec="white", zorder=3
            )
    if ok:
        mean = pd.concat(ok).groupby("step")[["epoch", "loss"]].mean()
        panel.plot(mean["epoch"], mean["loss"], look.line, color=look.colour, lw=1.6)


def _holes(tables: StudyTables, dataset: str, model: str, noise: str) -> str:
    texts = ((m, tables.missing(dataset, model, noise, m)) for m in tables.methods)
    return "\n".join(f"{method}: {missing}" for method, missing in texts if missing)
