"""SHALA on what REALM believes: each label counts by its annotator's learned expertise.

SHALA takes the labels' shares as what people think, so bad annotators look like ambiguity. Here
REALM (`methods.realm`) is trained first, on the same labels and the same model, and

    p(k) = sum over the item's labels of beta_a 1[y = k] / sum of beta_a

takes the shares' place, in the reward and in the weight. Ours: the paper names expertise as its
limitation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.shala import (
    Settings,
    advantage,
    learning_rate,
    loss,
    parameters,
    reward,
    weights,
)

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

NEEDS = Needs(annotations=True, annotator_ids=True, model=True, verbal=True, rollouts=True)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation, of its annotator's expertise as weight."""
    from annobench.methods import realm, sft

    assert given.model is not None
    beta = given.model.expertise(realm, realm.Settings())
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
