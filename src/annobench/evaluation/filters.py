"""How well users are known and filtered, against their true attentiveness."""

import numpy as np
import pandas as pd

from annobench.evaluation.agreement import Agreement

ATTENTIVE = 0.5
"""A user whose true attentiveness is at least this is attentive."""


def measures(
    targets: pd.DataFrame | None, annotators: pd.DataFrame | None, truth: pd.DataFrame
) -> dict[str, Agreement]:
    """Of a method's targets, whose rows name users, its precision and recall: a user is kept if any
    of their comparisons is. Of the attentiveness that it estimates the mean absolute error, and the
    AUC for the attentive.

    Args:
        targets: table `tables.TARGETS`, or None.
        annotators: table `tables.ANNOTATORS`, or None.
        truth: table `tables.TRUTH`; others than its annotators are left out.
    """
    eta = true_attentiveness(truth)
    found: dict[str, Agreement] = {}
    if annotators is not None:
        learned = annotators.groupby("annotator")["expertise"].mean().reindex(eta.index).dropna()
        true = eta[learned.index]
        found["attentiveness-mae"] = error(learned, true)
        found["filter-auc"] = auc(learned, true >= ATTENTIVE)
    if targets is not None:
        kept = targets.groupby("annotator")["kept"].any().reindex(eta.index).dropna().astype(bool)
        attentive = eta[kept.index] >= ATTENTIVE
        found["filter-precision"] = precision(kept, attentive)
        found["filter-recall"] = recall(kept, attentive)
    return {name: value for name, value in found.items() if value.reason != NOBODY}


NOBODY = "no user"


def true_attentiveness(truth: pd.DataFrame) -> pd.Series:
    """Of every user of a table `tables.TRUTH`, the mean over tasks."""
    return truth.groupby("annotator", sort=False)["expertise"].mean()


def error(learned: pd.Series, true: pd.Series) -> Agreement:
    """Mean absolute error of attentiveness, over users."""
    if learned.empty:
        return Agreement(None, 0, NOBODY)
    return Agreement(float(np.abs(learned - true).mean()), len(learned))


def precision(kept: pd.Series, attentive: pd.Series) -> Agreement:
    """Share of the users kept who are attentive."""
    return _share(attentive[kept], "no user was kept" if len(kept) else NOBODY)


def recall(kept: pd.Series, attentive: pd.Series) -> Agreement:
    """Share of the attentive users who are kept."""
    return _share(kept[attentive], "no user is attentive" if len(kept) else NOBODY)


def _share(hits: pd.Series, reason: str) -> Agreement:
    return Agreement(float(hits.mean()), len(hits)) if len(hits) else Agreement(None, 0, reason)


def auc(learned: pd.Series, attentive: pd.Series) -> Agreement:
    """The chance that an attentive user is held for more attentive than another, ties half."""
    from sklearn.metrics import roc_auc_score

    if learned.empty:
        return Agreement(None, 0, NOBODY)
    if attentive.nunique() == 1:
        which = "every" if attentive.any() else "no"
        return Agreement(None, len(learned), f"{which} user is attentive")
    return Agreement(float(roc_auc_score(attentive, learned)), len(learned))
