"""How well users' attentiveness is found from their choices alone: rows of `tables.RECOVERY`.

No model is trained and no cell is read: the estimators see each draw of comparisons as they are.
"""

from typing import Any

import pandas as pd
from pydantic import ValidationError

from annobench import registry
from annobench.attentiveness import Choices, Estimate
from annobench.errors import AnnobenchError
from annobench.evaluation import filters
from annobench.evaluation.agreement import spearman
from annobench.evaluation.crowds import Crowd
from annobench.pairs import are_pairs, known_pairs
from annobench.preferences import choices_of

COMPARISONS = (2, 5, 10, 20, 50, 100)
"""The estimators see so many of each user's comparisons, and then all."""
ASSUMED = (0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)
"""The sweep of mu."""


def measure(crowd: Crowd, items: pd.DataFrame) -> list[dict[str, Any]]:
    """Every estimator on the comparisons of a draw's training pairs; none without truth or pairs.

    With its default settings on the first comparisons of each user, in the order of the draw, and
    on all; and on all of them with mu assumed: the sweep, and the true mu, in the row whose `mu` is
    `mu_true`. That is the share of comparisons whose gold response is the stronger model's. Where
    no model is named, there is no stronger one: mu is then known by the scores alone, and neither
    assumed nor true.

    Args:
        items: table `tables.ITEMS`.
    """
    if not are_pairs(items) or (rows := _comparisons(crowd, items)).empty:
        return []
    eta = filters.true_attentiveness(crowd.truth)
    eta = eta[eta.index.isin(rows["annotator"])]
    named = bool(rows["sources"].notna().all())
    known = rows["gold"].dropna()
    mu_true = float((known == 0).mean()) if named and len(known) else None
    place = crowd.key | {"users": len(eta), "share_true": float(eta.mean()), "mu_true": mu_true}
    most = int(rows["turn"].max()) + 1
    found: list[dict[str, Any]] = []
    for few in (*(n for n in COMPARISONS if n < most), most):
        choices = choices_of(rows[rows["turn"] < few], items, eta.index)
        here = place | {"comparisons": few}
        assumed: set[float] = set()
        if few == most and mu_true is not None:
            assumed = {*ASSUMED, mu_true}
        for kind in registry.kinds("attentiveness"):
            default = {} if named else {"mu": "scores"}
            found.append(here | {"estimator": kind} | _row(kind, choices, default, eta))
            found += [
                here | {"estimator": kind, "mu": mu} | _row(kind, choices, {"mu": mu}, eta)
                for mu in sorted(assumed)
            ]
    return found


def _comparisons(crowd: Crowd, items: pd.DataFrame) -> pd.DataFrame:
    """Annotations of training pairs by users whose truth is known, with the pair; `turn` counts
    each user's from 0."""
    pairs = items[known_pairs(items) & (items["split"] == "train")]
    train = pairs.reindex(columns=["item", "gold", "sources"])
    known = crowd.annotations["annotator"].isin(crowd.truth["annotator"])
    rows = crowd.annotations[known].merge(train, on="item", validate="many_to_one")
    return rows.assign(turn=rows.groupby("annotator").cumcount())


def _row(kind: str, choices: Choices, keys: dict[str, Any], eta: pd.Series) -> dict[str, Any]:
    estimator = registry.component("attentiveness", kind)
    try:
        found: Estimate = estimator.estimate(choices, estimator.Settings(**keys))
    except AnnobenchError as refused:
        return {"reason": str(refused)}
    except ValidationError as refused:  # of a true mu of 1/2 or less
        return {"reason": refused.errors()[0]["msg"].removeprefix("Value error, ")}
    learned = pd.Series(found.attentiveness, index=eta.index)
    kept = pd.Series(found.kept, index=eta.index)
    attentive = eta >= filters.ATTENTIVE
    return {
        "mu_found": found.mu,
        "share": found.share,
        "precision": filters.precision(kept, attentive).value,
        "recall": filters.recall(kept, attentive).value,
        "auc": filters.auc(learned, attentive).value,
        "mae": filters.error(learned, eta).value,
        "spearman": spearman(learned.to_numpy(), eta.to_numpy()).value,
    }
