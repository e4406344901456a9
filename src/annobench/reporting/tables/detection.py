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

    from annobench.reporting.agreements import KEYS, by_place

    rows = by_place(tables.only(settings), MEASURES)
    return pd.DataFrame(rows, columns=[*KEYS, "seeds", *MEASURES.values()])
