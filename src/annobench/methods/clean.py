"""Clean SFT: trained on the gold labels, the upper bound for every method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.sft import Settings, expertise, learning_rate, loss, parameters, weights

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

NEEDS = Needs(gold=True)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per item, all probability on its gold label."""
    from annobench.targets import one_hot, target_frame

    known = given.items[given.items["gold"].notna()]
    return target_frame(known["item"], one_hot(known["gold"], known["options"].map(len)), "gold")
