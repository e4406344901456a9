"""Each view of each model: how often its answer cannot be read, and how often it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    """Only which part of the study is shown."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, view); shares with their interval over items."""
    import pandas as pd

    tables = tables.only(settings)
    columns = ["dataset", "model", "view", "items", "cannot be read, %", "answered"]
    rows = [_row(view) for _, view in tables.views.iterrows()]
    return pd.DataFrame(rows, columns=[*columns, "right of the answered, %"])


def _row(view: pd.Series) -> dict[str, Any]:
    items, failures = int(view["items"]), int(view["failures"])
    answered = items - failures
    return {
        "dataset": view["dataset"],
        "model": view["model"],
        "view": view["view"],
        "items": items,
        "cannot be read, %": _percent(failures / items if items else None, items),
        "answered": answered,
        "right of the answered, %": _percent(view["accuracy"], int(view["judged"])),
    }


def _percent(share: float | None, items: int) -> Any:
    import pandas as pd

    from annobench.evaluation.intervals import wilson
    from annobench.reporting.formats import Estimate

    if pd.isna(share) or not items:
        return Estimate(None)
    mean, low, high = wilson(float(share), items)
    return Estimate(100 * mean, 100 * low, 100 * high)
