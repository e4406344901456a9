"""What became of the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    """Only which part of the study is shown."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, method), over its noises and seeds.

    Counts of each status that occurs; sizes in millions of parameters.
    """
    import pandas as pd

    from annobench.evaluation.cells import OK
    from annobench.reporting.study_tables import groups

    tables = tables.only(settings)
    statuses = list(dict.fromkeys([OK, *tables.runs["status"]]))
    rows = [
        place
        | {"cells": len(runs)}
        | {status: int((runs["status"] == status).sum()) for status in statuses}
        | {
            "parameters, M": runs["parameters"].astype(float).max() / 1e6,
            "trained, M": runs["trained_parameters"].astype(float).max() / 1e6,
        }
        for place, runs in groups(tables.runs, ["dataset", "model", "method"])
    ]
    return pd.DataFrame(rows)
