"""Users only: how attentive each user is, and what would be kept; nothing is trained.

The targets and the estimates are those of `dpo-users`; no item is predicted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.dpo_users import expertise, targets
from annobench.preferences import Estimated

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NEEDS", "Settings", "expertise", "predictions", "targets"]


class Settings(Estimated):
    pass


NEEDS = Needs(annotations=True, annotator_ids=True, training=False, preferences=True)


def predictions(given: Given, settings: Settings) -> pd.DataFrame:
    """None."""
    from annobench import tables

    return tables.empty(tables.PREDICTIONS)
