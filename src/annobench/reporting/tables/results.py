"""Each method's mean over seeds with its 95 % interval and its shared rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from annobench.reporting.labels import Measure  # noqa: TC001 (pydantic reads it)
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Base):
    metrics: tuple[Measure, ...] = Field(default=("accuracy", "nll", "ece"), min_length=1)
    """The columns, in order."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, method), one column of estimates per metric."""
    import pandas as pd

    from annobench.reporting.formats import Estimate, estimate
    from annobench.reporting.labels import label
    from annobench.reporting.study_tables import groups, seeds_text

    keys = ["dataset", "model", "noise", "method"]
    shown = tables.summary[tables.summary["metric"].isin(settings.metrics)]
    rows = []
    for place, found in groups(shown, keys):
        values = {str(row["metric"]): estimate(row) for _, row in found.iterrows()}
        rows.append(
            place
            | {"seeds": seeds_text(found.iloc[0], tables.missing(**place))}
            | {label(name): values.get(name, Estimate(None)) for name in settings.metrics}
        )
    return pd.DataFrame(rows, columns=[*keys, "seeds", *map(label, settings.metrics)])
