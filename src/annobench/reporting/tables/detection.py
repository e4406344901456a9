"""How well each method told the labels that the noise corrupted, and what it made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables

MEASURES = {
    "detection-precision": "precision",
    "detection-recall": "recall",
    "detection-auc": "AUC",
    "relabel-accuracy": "right after relabelling",
    "lost-correct": "right labels flagged",
    "lost-hard": "right labels of hard items flagged",
    "unread-answers": "answers not read",
}
"""Agreement of `evaluation` -> heading."""


class Settings(Shown):
    """Only which part of the study is shown."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, method) that judges labels whose truth is known.

    A measure that is not defined is null with its reason.
    """
    import pandas as pd

    from annobench.evaluation.cells import OK
    from annobench.reporting.formats import Estimate, estimate
    from annobench.reporting.study_tables import groups, select

    tables = tables.only(settings)
    keys = ["dataset", "model", "noise", "method"]
    found = tables.summary[tables.summary["metric"].isin(MEASURES)]
    runs = tables.runs  # of every such method under every such noise: a cell may have failed
    runs = runs[runs["method"].isin(found["method"]) & runs["noise"].isin(found["noise"])]
    rows = []
    for place, cells in groups(runs, keys):
        values = {heading: Estimate(None) for heading in MEASURES.values()}
        for _, row in select(found, **place).iterrows():
            measured = select(tables.metrics, **place, metric=row["metric"])
            reasons = measured.loc[measured["status"] == OK, "reason"].dropna().unique()
            values[MEASURES[row["metric"]]] = estimate(row, note="; ".join(reasons))
        missing = tables.missing(**place)
        seeds = f"{(cells['status'] == OK).sum()} of {len(cells)}"
        rows.append(place | {"seeds": f"{seeds} ({missing})" if missing else seeds} | values)
    return pd.DataFrame(rows, columns=[*keys, "seeds", *MEASURES.values()])
