"""Clean token SFT: trained as `token-sft` on the gold labels, the upper bound for its like.

Free text is learned too, from the first of an item's right answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.token_sft import (
    Settings,
    expertise,
    learning_rate,
    loss,
    parameters,
    weights,
)

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

NEEDS = Needs(gold=True, options=False, softmax="vocabulary")


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per item, all probability on its gold label, or in its words."""
    from annobench.methods import clean
    from annobench.targets import free_text_targets, is_free_text

    if not is_free_text(given.items):
        return clean.targets(given, settings)
    return free_text_targets(given.items["item"], given.items["answers"].str[0], "gold")
