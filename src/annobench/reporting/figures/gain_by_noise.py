"""What every method gains over a reference, such as noisy SFT, under every noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width
from annobench.settings import Name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from annobench.reporting.by_noise import Row
    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    reference: Name = "sft"
    """The method that is subtracted from the others."""
    metric: Measure = "accuracy"
    """What the difference is of."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model): method minus reference, paired by test item and seed.

    A filled point is told from 0 after adjustment, a hollow one is not. A method without a seed in
    common with the reference has a cross at the foot with what became of it.
    """
    from annobench.reporting import by_noise, panels, style
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import by, select

    tables = tables.only(settings)
    pairs = select(tables.comparisons, metric=settings.metric)
    pairs = pairs[(pairs["method"] == settings.reference) | (pairs["other"] == settings.reference)]
    if pairs.empty:
        return panels.nothing(
            settings.width, f"no cell can be compared with {settings.reference}, {settings.metric}"
        )
    means = select(tables.summary, metric=settings.metric)
    means = means[means["method"] != settings.reference]
    noises = [str(noise) for noise in means["noise"].unique()]
    paired = by(pairs, ["dataset", "model", "noise"])
    with style.paper():
        across = 1 if settings.width == "column" or len(noises) > 5 else 2
        drawn, axes = panels.grid(len(tables.blocks), across, settings.width, 2.2)
        for panel, (dataset, model) in zip(axes, tables.blocks, strict=True):
            here = select(means, dataset=dataset, model=model).to_dict("records")
            rows = [
                _row(tables, mean, paired.get((dataset, model, mean["noise"]), pairs[:0]), settings)
                for mean in here
            ]
            panel.axhline(0, color="#1a1a1a", lw=0.8, zorder=0.9)
            by_noise.points(panel, rows, noises, tables.looks)
            panels.title(drawn, panel, [f"{dataset}, {model}"])
            by_noise.name_noises(panel, noises)
        by_noise.slant_if_crowded(drawn, noises)
        drawn.supylabel(f"{label(settings.metric)}, minus {settings.reference}", fontsize=8)
        shown = {m: look for m, look in tables.looks.items() if m in set(means["method"])}
        panels.legend(drawn, shown, settings.width)
    return drawn


def _row(tables: StudyTables, mean: Row, pairs: pd.DataFrame, settings: Settings) -> Row:
    """A method's pair with the reference, or that there is none."""
    from math import nan

    from annobench.evaluation.ranking import LEVEL
    from annobench.reporting.study_tables import difference

    method = mean["method"]
    place = {name: str(mean[name]) for name in ("dataset", "model", "noise")}
    row: Row = {"noise": place["noise"], "method": method, "seeds_planned": mean["seeds_planned"]}
    pair = difference(pairs, method, settings.reference)
    if pair is None:
        lost = tables.missing(**place, method=method) or f"no {settings.reference}"
        return row | {"mean": nan, "missing": lost}
    return row | {
        "mean": pair["difference"],
        "low": pair["low"],
        "high": pair["high"],
        "seeds": pair["seeds"],
        "told": pair["p_adjusted"] < LEVEL,
    }
