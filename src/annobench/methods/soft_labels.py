"""Soft labels: SFT on the shares of an item's votes.

    loss = - mean over items of sum over options of t_k log p(k | x),    t_k = share of votes for k

Every item counts once, however many votes it has: with as many votes on every item this is the loss
of `sft` but for a constant. Peterson et al., Human Uncertainty Makes Classification More Robust,
ICCV 2019. An annotator's expertise is the chance-corrected agreement with the shares, which hold
the annotator's own vote (our reconstruction).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.majority import expertise
from annobench.methods.sft import Settings, learning_rate, loss, parameters, weights

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

NEEDS = Needs(annotations=True)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotated item: its votes' shares."""
    from annobench.aggregation.vote_shares import posterior
    from annobench.targets import aggregated

    return aggregated(given, posterior, "vote shares")
