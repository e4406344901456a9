"""DPO that doubts each user's choices as much as the user deserves.

The soft alternative to leaving users out: the loss of `dpo` with eps_i = (1 - eta_i) / 2, the
probability that the choice of a user of attentiveness eta_i was a coin's and fell the other way.
Users of eta_i = 0 teach nothing but to stay near the start. Our reconstruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.dpo import learning_rate, loss, parameters, weights
from annobench.methods.dpo_users import expertise
from annobench.preferences import Filtered, comparison_targets, estimated

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
    """One target per comparison, 1 - eps on the user's choice."""
    import numpy as np
    import pandas as pd

    assert given.annotations is not None
    found = comparison_targets(given, given.annotations["label"], "smoothed by user")
    eta = pd.Series(estimated(given, settings.users).attentiveness, index=given.annotators)
    eps = (1 - found["annotator"].map(eta).to_numpy(float)) / 2
    chosen = np.stack(found["distribution"].tolist())
    smoothed = chosen * (1 - eps)[:, None] + (1 - chosen) * eps[:, None]
    return found.assign(distribution=smoothed.tolist())
