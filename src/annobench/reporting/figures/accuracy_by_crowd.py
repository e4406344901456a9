"""A metric of every method against what the annotators gave: how many labels, how many
annotators, how often they are right or wrong, how attentive they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables

_AXES = {
    "labels-per-item": "labels per annotated item",
    "annotators": "annotators",
    "label-accuracy": "share of labels that are right",
    "noise-rate": "share of labels that are wrong",
    "attentive-share": "true share of attentive users",
}


class Settings(Shown):
    metric: Measure = "accuracy"
    """What the vertical axis shows."""
    x: Literal[
        "labels-per-item", "annotators", "label-accuracy", "noise-rate", "attentive-share"
    ] = "labels-per-item"
    """What the horizontal axis shows, measured on the annotations; `attentive-share` is the mean
    true attentiveness of users who compare responses. Name in `noises` those that make up a line:
    they should differ in nothing else."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model), one line per method through the noises.

    The horizontal place of a noise is the mean over its draws.
    """
    from annobench.reporting import lines, panels, style
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import groups, select

    tables = tables.only(settings)
    if settings.x == "attentive-share":
        crowds = tables.recovery.assign(attentive_share=tables.recovery["share_true"])
    else:
        crowds = tables.crowds.assign(noise_rate=1 - tables.crowds["label_accuracy"])
    column = settings.x.replace("-", "_")
    crowds = crowds.groupby(["dataset", "noise"], as_index=False).agg(x=(column, "mean"))
    rows = select(tables.summary, metric=settings.metric).merge(
        crowds.dropna(), on=["dataset", "noise"]
    )
    if rows.empty:
        return panels.nothing(
            settings.width, f"no cell has the measure {settings.metric} and {settings.x}"
        )
    rows["missing"] = tables.lost(rows)
    places = list(groups(rows, ["dataset", "model"]))
    with style.paper():
        drawn, axes = panels.grid(len(places), 2, settings.width, 2.2)
        for panel, (place, found) in zip(axes, places, strict=True):
            lines.lines(panel, found, tables.looks)
            name = f"{place['dataset']}, {place['model']}"
            panels.title(drawn, panel, [name], lines.holes(found))
        inches = panels.panel_inches(drawn, axes[0])
        lines.ticks(axes[0], rows["x"].tolist(), lambda x: f"{x:.3g}", inches)
        drawn.supxlabel(_AXES[settings.x], fontsize=8)
        drawn.supylabel(label(settings.metric), fontsize=8)
        shown = {m: look for m, look in tables.looks.items() if m in set(rows["method"])}
        panels.legend(drawn, shown, settings.width)
    return drawn
