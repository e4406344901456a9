"""What every estimator finds out about users from their choices, or why it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.formats import Estimate
    from annobench.reporting.study_tables import StudyTables

MEASURES = {
    "share": "share found",
    "precision": "precision",
    "recall": "recall",
    "auc": "AUC",
    "mae": "MAE",
    "spearman": "Spearman",
}
"""Column of RECOVERY -> heading."""
_KEYS = ["dataset", "noise", "estimator", "comparisons", "mu"]
_MEANS = {"mu_true": "mu true", "mu_found": "mu found", "share_true": "share true"}
_HEADINGS = {"comparisons": "comparisons per user", "mu": "mu assumed"}


class Settings(Shown):
    by_comparisons: bool = False
    """Also from fewer comparisons of each user than there are."""
    by_mu: bool = False
    """Also with mu assumed: the true one, and the sweep."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, noise, estimator), and per number of comparisons and assumed mu where
    the settings ask for them. What is not defined is null, and a refusal has its reason."""
    import pandas as pd

    from annobench.reporting import estimators

    found = tables.only(settings).recovery
    if not settings.by_comparisons:
        found = estimators.at_most(found)
    if not settings.by_mu:
        found = found[found["mu"].isna()]
    true = found["mu"].eq(found["mu_true"])  # differs by seed, and is one row all the same
    levels = found["mu"].map(lambda mu: None if pd.isna(mu) else f"{mu:g}").mask(true, "the true")
    shown = found.assign(mu=levels.fillna("none"))
    rows = [_row(part) for _, part in shown.groupby(_KEYS, sort=False, dropna=False)]
    columns = [*(_HEADINGS.get(key, key) for key in _KEYS), "seeds", "users", *_MEANS.values()]
    return pd.DataFrame(rows, columns=[*columns, *MEASURES.values(), "reason"])


def _row(rows: pd.DataFrame) -> dict[str, Any]:
    """Of a row of RECOVERY for each seed."""
    names = {_HEADINGS.get(key, key): rows[key].iloc[0] for key in _KEYS}
    return (
        names
        | {"seeds": f"{rows['reason'].isna().sum()} of {len(rows)}", "users": rows["users"].max()}
        | {heading: rows[name].astype(float).mean() for name, heading in _MEANS.items()}
        | {heading: _estimate(rows, measure) for measure, heading in MEASURES.items()}
        | {"reason": "; ".join(rows["reason"].dropna().unique())}
    )


def _estimate(rows: pd.DataFrame, measure: str) -> Estimate:
    from annobench.reporting import estimators, formats

    (_, mean), *_ = estimators.over_seeds(rows, ["dataset", "noise"], measure).iterrows()
    return formats.estimate(mean)
