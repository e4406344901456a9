"""Dawid-Skene, then SFT on its posterior: one confusion matrix per annotator, by EM.

The loss is the cross-entropy to the whole posterior, so that an uncertain item teaches less. An
annotator's expertise is the chance-corrected agreement with the posterior (our reconstruction).
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

NEEDS = Needs(annotations=True, annotator_ids=True)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotated item: the posterior over its options."""
    from annobench.aggregation.dawid_skene import posterior
    from annobench.targets import aggregated

    return aggregated(given, posterior, "posterior")
