"""MACE, then SFT on its posterior: each annotator knows the answer or spams by habit.

D. Hovy et al., NAACL 2013, see `annobench.aggregation.mace`. The loss is the cross-entropy to the
whole posterior. An annotator's expertise is the chance-corrected agreement with it, as for
Dawid-Skene.
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
    from annobench.aggregation.mace import posterior
    from annobench.targets import aggregated

    return aggregated(given, posterior, "posterior")
