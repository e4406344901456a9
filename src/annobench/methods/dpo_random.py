"""DPO on as many comparisons as `dpo-users` keeps, drawn at random: what a smaller set costs.

The draw is the same for all methods and models that see the same comparisons. Our control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods import dpo_users as _dpo_users
from annobench.methods.dpo import expertise, learning_rate, loss, parameters, weights
from annobench.preferences import Filtered, comparison_targets

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NEEDS",
    "Settings",
    "expertise",
    "learning_rate",
    "loss",
    "parameters",
    "targets",
    "weights",
]

NEEDS = Needs(annotations=True, annotator_ids=True, preferences=True, softmax="vocabulary")


class Settings(Filtered):
    pass


def targets(given: Given, settings: Filtered) -> pd.DataFrame:
    """One target per comparison, as many of them kept as `dpo-users` keeps."""
    import numpy as np

    from annobench.seeds import generator

    assert given.annotations is not None
    size = int(_dpo_users.targets(given, settings)["kept"].sum())
    found = comparison_targets(given, given.annotations["label"], "drawn")
    shown = given.annotations[["item", "annotator", "label"]].astype(str).agg(" ".join, axis=1)
    in_order = shown.argsort().to_numpy()
    rng = generator("random drop", *shown.iloc[in_order])
    keep = np.zeros(len(found), bool)
    keep[in_order[rng.choice(len(found), size, replace=False)]] = True
    return found.assign(kept=keep, reason=np.where(keep, "drawn", "not drawn"))
