"""Accuracy, nearness to people's labels and learned expertise of every method, side by side, where
items are ambiguous and annotators unequal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.labels import Reading
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    reading: Reading = "options"
    """Which of a model's distributions accuracy and JSD distance are of: its probabilities of the
    options, or the one that it wrote down. Name in `noises` those of kind `ambiguity`."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """Three panels per (data set, model), the noises side by side in each.

    Points are means over seeds with their interval; above one that lacks seeds stands how many it
    has, and a cross at the foot is a method without any result. Above a panel
    stands which methods have no such measure, as those that learn no expertise.
    """
    from annobench.evaluation.agreement import EXPERTISE_SPEARMAN
    from annobench.reporting import by_noise, lines, panels, style
    from annobench.reporting.labels import label, read_as
    from annobench.reporting.study_tables import select

    tables = tables.only(settings)
    measures = [read_as(name, settings.reading) for name in ("accuracy", "jsd-distance")]
    measures.append(EXPERTISE_SPEARMAN)
    summary = tables.summary[tables.summary["metric"].isin(measures)]
    if not set(measures) <= set(summary["metric"]):
        return panels.nothing(settings.width, f"no cell has each of {', '.join(measures)}")
    noises = [str(noise) for noise in summary["noise"].unique()]
    places = [(block, measure) for block in tables.blocks for measure in measures]
    with style.paper():
        across = 3 if settings.width == "page" and len(noises) < 5 else 1
        drawn, axes = panels.grid(len(places), across, settings.width, 2.3, shared=False)
        for panel, ((dataset, model), measure) in zip(axes, places, strict=True):
            rows = select(summary, dataset=dataset, model=model, metric=measure)
            rows = rows.assign(missing=tables.lost(rows))
            by_noise.points(panel, rows.to_dict("records"), noises, tables.looks)
            head = [f"{dataset}, {model}"] if len(tables.blocks) > 1 else []
            panels.title(
                drawn, panel, [*head, label(measure)], lines.holes(rows, tables.absent(rows))
            )
            by_noise.name_noises(panel, noises)
        by_noise.slant_if_crowded(drawn, noises)
        shown = {m: look for m, look in tables.looks.items() if m in set(summary["method"])}
        panels.legend(drawn, shown, settings.width)
    return drawn
