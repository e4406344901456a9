"""DPO on the gold preference of every training pair: a bound on what any labels can teach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.dpo import expertise, learning_rate, loss, parameters, weights
from annobench.preferences import Dpo

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

NEEDS = Needs(gold=True, preferences=True, softmax="vocabulary")


class Settings(Dpo):
    pass


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per pair whose gold preference is known."""
    from annobench.targets import one_hot, target_frame

    known = given.items[given.items["gold"].notna()]
    labels = one_hot(known["gold"], known["options"].map(len))
    return target_frame(known["item"], labels, "gold preference")
