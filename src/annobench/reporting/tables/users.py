"""How well each method knew who is attentive, whom it kept, and what that did for the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables

MEASURES = {
    "attentiveness-mae": "MAE",
    "filter-precision": "precision",
    "filter-recall": "recall",
    "filter-auc": "AUC",
}
"""Agreement of `evaluation` -> heading."""
_ALSO = {"expertise-spearman": "Spearman", "target-accuracy": "right labels after"}
_BEFORE = "right labels before"
_COUNTS = ["users", "comparisons"]


class Settings(Shown):
    """Only which part of the study is shown."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, method) whose users' attentiveness is known.

    A measure that is not defined is null with its reason.
    """
    import pandas as pd

    from annobench.reporting.agreements import KEYS, by_place

    tables = tables.only(settings)
    rows = [
        row | _crowd(tables, row["dataset"], row["noise"])
        for row in by_place(tables, MEASURES, _ALSO)
    ]
    order = ["MAE", "Spearman", "precision", "recall", "AUC", _BEFORE, "right labels after"]
    return pd.DataFrame(rows, columns=[*KEYS, "seeds", *_COUNTS, *order])


def _crowd(tables: StudyTables, dataset: str, noise: str) -> dict[str, Any]:
    """Of the draws of a noise."""
    import pandas as pd

    from annobench.evaluation.summary import t_interval
    from annobench.reporting.formats import estimate
    from annobench.reporting.study_tables import select

    draws = select(tables.crowds, dataset=dataset, noise=noise)
    before = t_interval(draws["label_accuracy"].dropna().to_numpy(float), 0.0, 1.0)
    return {
        "users": round(draws["annotators"].mean()),
        "comparisons": round(draws["annotations"].mean()),
        _BEFORE: estimate(pd.Series(before._asdict())),
    }
