"""Majority vote, then SFT on the voted label; tied labels share the probability.

An annotator's expertise is the chance-corrected agreement with the vote (our reconstruction).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.sft import Settings, learning_rate, loss, parameters, weights

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

NEEDS = Needs(annotations=True)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotated item: the voted label."""
    from annobench.aggregation.majority import posterior
    from annobench.targets import aggregated

    return aggregated(given, posterior, "majority vote")


def expertise(
    given: Given,
    targets: pd.DataFrame,
    parameters: dict[str, Tensor],
    settings: Settings,
) -> pd.Series | None:
    """Agreement with the targets, chance-corrected."""
    from annobench.targets import chance_corrected_agreement

    return chance_corrected_agreement(given.annotations, targets)
