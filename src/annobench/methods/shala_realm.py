"""SHALA on what REALM believes: each label counts by its annotator's learned expertise.

SHALA takes the labels' shares as what people think, so bad annotators look like ambiguity. Here
REALM (`methods.realm`) is trained first, on the same labels and the same model, in its own way
(`realm`, `realm_training`), and

    p(k) = sum over the item's labels of beta_a 1[y = k] / sum of beta_a

takes the shares' place, in the reward and in the weight. Ours: the paper names expertise as its
limitation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods import realm as _realm
from annobench.methods import shala as _shala
from annobench.methods.shala import (
    advantage,
    learning_rate,
    loss,
    parameters,
    reward,
    weights,
)
from annobench.training.settings import Overrides

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

__all__ = [
    "NEEDS",
    "Settings",
    "advantage",
    "expertise",
    "learning_rate",
    "loss",
    "parameters",
    "reward",
    "targets",
    "weights",
]


class Settings(_shala.Settings):
    """SHALA's keys, and how REALM is trained first."""

    realm: _realm.Settings = _realm.Settings()
    """REALM's own keys."""
    realm_training: Overrides = Overrides()  # type: ignore[valid-type]
    """Keys of `training` that differ while REALM is trained."""


NEEDS = Needs(annotations=True, annotator_ids=True, model=True, verbal=True, rollouts=True)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation, of its annotator's expertise as weight."""
    from annobench.methods import sft

    assert given.model is not None
    beta = given.model.expertise(_realm, settings.realm, settings.realm_training)
    frame = sft.targets(given, sft.Settings())
    return frame.assign(weight=frame["annotator"].map(beta), reason="weighted by expertise")


def expertise(
    given: Given,
    targets: pd.DataFrame,
    parameters: dict[str, Tensor],
    settings: Settings,
) -> pd.Series | None:
    """beta of each annotator, as REALM learned it."""
    return targets.groupby("annotator")["weight"].first().sort_index()
