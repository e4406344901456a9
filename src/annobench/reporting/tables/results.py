"""Each method's mean over seeds with its 95 % interval and its shared rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    metrics: tuple[Measure, ...] = Field(
        default=("accuracy", "nll", "ece", "heldout-nll"), min_length=1
    )
    """The columns, in order; one that the study has nowhere is left out."""
    by_task: bool = False
    """Also one column per metric and task, where a data set has several."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, method), one column of estimates per metric.

    Under each noise the methods stand in the order of the first metric that is measured there, the
    best first: without gold labels that is the held-out likelihood.
    """
    import pandas as pd

    from annobench.reporting.formats import Estimate, estimate
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import best_first, groups, seeds_text

    tables = tables.only(settings)
    keys = ["dataset", "model", "noise", "method"]
    found = tables.summary["metric"].unique()
    metrics = [
        str(name)
        for metric in settings.metrics
        for name in found
        if name == metric or (settings.by_task and name.startswith(f"{metric}:"))
    ]
    shown = tables.summary[tables.summary["metric"].isin(metrics)]
    rows: list[dict[str, Any]] = []
    for _, block in groups(shown, keys[:3]):
        for place, part in groups(best_first(block, metrics), keys):
            values = {str(row["metric"]): estimate(row) for _, row in part.iterrows()}
            rows.append(
                place
                | {"seeds": seeds_text(part.iloc[0], tables.missing(**place))}
                | {label(name): values.get(name, Estimate(None)) for name in metrics}
            )
    rows.sort(key=lambda row: (row["dataset"], row["model"], row["noise"]))
    return pd.DataFrame(rows, columns=[*keys, "seeds", *map(label, metrics)])
