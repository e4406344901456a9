"""Estimators of attentiveness over the draws of a study, as tables and figures show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look

MU = "\N{GREEK SMALL LETTER MU}"
PLACE = ["dataset", "noise"]
_LOWEST = {"spearman": -1.0}
"""Of the measures that may be below 0."""


def over_seeds(rows: pd.DataFrame, keys: Sequence[str], measure: str) -> pd.DataFrame:
    """A measure of rows of RECOVERY, one row for each value of `keys`: mean, low and high over the
    seeds in which it is defined."""
    import pandas as pd

    from annobench.evaluation.summary import t_interval

    found = []
    for names, some in rows.groupby(list(keys), sort=False, dropna=False):
        values = some[measure].dropna().to_numpy(float)
        interval = t_interval(values, _LOWEST.get(measure, 0.0), 1.0)
        found.append(dict(zip(keys, names, strict=True)) | interval._asdict())
    return pd.DataFrame(found, columns=[*keys, "mean", "low", "high"])


def at_most(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of RECOVERY that rest on all comparisons of a draw."""
    most = rows.groupby([*PLACE, "seed"])["comparisons"].transform("max")
    return rows[rows["comparisons"] == most]


def looks(tables: StudyTables) -> dict[str, Look]:
    """Every estimator's look."""
    from annobench.reporting import style

    return style.looks(sorted(tables.recovery["estimator"].unique()))


def titles(rows: pd.DataFrame, several: bool) -> tuple[list[str], str]:
    """Over the panels of one place of RECOVERY: its names, and in grey the true mu, the mean over
    seeds, and who refused to estimate."""
    names = rows.iloc[0]
    head = [str(names["dataset"]), str(names["noise"])] if several else [str(names["dataset"])]
    true = rows["mu_true"].mean()
    notes = [f"true {MU} {true:.2f}"] if true == true else []
    refusals = rows["reason"].notna().groupby(rows["estimator"], sort=False).mean()
    for word, who in {
        "refused": refusals.index[refusals == 1],
        "refused in part": refusals.index[refusals.between(0, 1, "neither")],
    }.items():
        everyone = len(who) == len(refusals)
        notes += [f"{word}: {'all' if everyone else ', '.join(who)}"] if len(who) else []
    return head, "; ".join(notes)
