"""How well each method ranked the simulated annotators: Spearman of learned and true expertise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    """Only which part of the study is shown."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, method) that learns expertise, and per task if several.

    A correlation that is not defined is null with its reason.
    """
    import pandas as pd

    from annobench.evaluation.agreement import EXPERTISE_SPEARMAN
    from annobench.reporting.formats import estimate
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import seeds_text

    tables = tables.only(settings)
    keys = ["dataset", "model", "noise", "method"]
    rows = []
    for row in tables.summary.to_dict("records"):
        metric = str(row["metric"])
        if metric.partition(":")[0] != EXPERTISE_SPEARMAN:
            continue
        place = {key: str(row[key]) for key in keys}
        reason = tables.reasons.get((*place.values(), metric), "")
        rows.append(
            place
            | {
                "measure": label(metric),
                "value": estimate(row, note=reason),
                "seeds": seeds_text(row, tables.missing(**place)),
            }
        )
    return pd.DataFrame(rows, columns=[*keys, "measure", "value", "seeds"])
