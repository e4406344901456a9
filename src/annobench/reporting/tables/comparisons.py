"""Paired differences between one method and every other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.settings import Name

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    reference: Name = "realm"
    """The method that the others are subtracted from."""
    metrics: tuple[Measure, ...] = Field(default=("accuracy",), min_length=1)
    """The metrics to compare."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, metric, other method): reference minus other."""
    import pandas as pd

    from annobench.reporting.formats import estimate
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import turned

    tables = tables.only(settings)
    pairs = tables.comparisons[tables.comparisons["metric"].isin(settings.metrics)]
    rows = []
    for _, pair in pairs.iterrows():
        if settings.reference not in (pair["method"], pair["other"]):
            continue
        signed = pair if pair["method"] == settings.reference else turned(pair)
        if settings.methods and signed["other"] not in settings.methods:
            continue
        rows.append(
            {
                "dataset": signed["dataset"],
                "model": signed["model"],
                "noise": signed["noise"],
                "metric": label(signed["metric"]),
                f"{settings.reference} minus": signed["other"],
                "difference": estimate(signed, mean="difference"),
                "p": signed["p"],
                "adjusted p": signed["p_adjusted"],
                "seeds": signed["seeds"],
                "items": signed["items"],
            }
        )
    names = ["dataset", "model", "noise", "metric", f"{settings.reference} minus", "difference"]
    return pd.DataFrame(rows, columns=[*names, "p", "adjusted p", "seeds", "items"])
