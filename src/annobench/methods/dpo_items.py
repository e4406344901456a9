"""DPO on the choices of the stronger model's response: a filter of items instead of users.

It looks as if it removed careless choices, and removes every attentive user's choice against the
stronger model as well, so what is left says that the stronger model is always right. Here to show
that bias. Our reconstruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.errors import AnnobenchError
from annobench.methods.dpo import NEEDS, expertise, learning_rate, loss, parameters, weights
from annobench.preferences import Dpo, comparison_targets

if TYPE_CHECKING:
    import pandas as pd

    from annobench.methods import Given

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


class Settings(Dpo):
    pass


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per comparison, kept where the stronger model's response was chosen.

    Raises:
        AnnobenchError: the data do not say which model is the stronger one.
    """
    import numpy as np

    assert given.annotations is not None
    if given.items["sources"].isna().any():
        raise AnnobenchError(
            "methods of kind `dpo-items`: found a data set that does not say which models wrote "
            "the responses; allowed: one that does"
        )
    found = comparison_targets(given, given.annotations["label"], "for the stronger model")
    keep = (given.annotations["label"] == 0).to_numpy(bool)
    reasons = ("for the stronger model", "against the stronger model")
    return found.assign(kept=keep, reason=np.where(keep, *reasons))
