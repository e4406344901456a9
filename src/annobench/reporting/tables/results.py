"""Each method's mean over seeds with its 95 % interval and its shared rank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import Field

from annobench.reporting.labels import Measure
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Base):
    metrics: tuple[Measure, ...] = Field(default=("accuracy", "nll", "ece"), min_length=1)
    """The columns, in order."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, method), one column of estimates per metric.

    Under each noise the methods stand in the order of the first metric, the best first.
    """
    import pandas as pd

    from annobench.reporting.formats import Estimate, estimate
    from annobench.reporting.labels import higher_is_better, label
    from annobench.reporting.study_tables import groups, seeds_text

    keys = ["dataset", "model", "noise", "method"]
    shown = tables.summary[tables.summary["metric"].isin(settings.metrics)]
    rows: list[dict[str, Any]] = []
    for place, found in groups(shown, keys):
        values = {str(row["metric"]): estimate(row) for _, row in found.iterrows()}
        rows.append(
            place
            | {"seeds": seeds_text(found.iloc[0], tables.missing(**place))}
            | {label(name): values.get(name, Estimate(None)) for name in settings.metrics}
        )
    best_first = -1.0 if higher_is_better(settings.metrics[0]) else 1.0

    def order(row: dict[str, Any]) -> tuple[str, str, str, float]:
        mean = row[label(settings.metrics[0])].mean
        value = math.inf if mean is None else best_first * mean
        return row["dataset"], row["model"], row["noise"], value

    rows.sort(key=order)
    return pd.DataFrame(rows, columns=[*keys, "seeds", *map(label, settings.metrics)])
