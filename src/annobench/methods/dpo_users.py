"""DPO on the comparisons of attentive users (Users as Annotators, Cai and Li 2025).

Users' attentiveness is estimated from their choices alone, by EM in most kinds of estimator, see
`attentiveness`; who does not look is left out, with all that this user chose. Users are filtered
and not comparisons: to leave out choices against the stronger model would teach that it is always
right (`dpo-items`). The paper's formulas are not to be had: all of this is our reconstruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.dpo import learning_rate, loss, parameters, weights
from annobench.preferences import Filtered, attentiveness_frame, estimated, keep_users

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

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
    """One target per comparison, kept where its user is attentive."""
    import pandas as pd

    kept = pd.Series(estimated(given, settings.users).kept, index=given.annotators)
    return keep_users(given, kept, ("attentive user", "careless user"))


def expertise(
    given: Given, targets: pd.DataFrame, parameters: dict[str, Tensor], settings: Filtered
) -> pd.DataFrame:
    """Each user's attentiveness, with the estimator's own interval."""
    return attentiveness_frame(given, estimated(given, settings.users))
