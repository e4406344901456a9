"""Dawid-Skene: EM over true labels and one confusion matrix per annotator.

A. P. Dawid and A. M. Skene, Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm, Applied Statistics 28(1), 1979; crowd-kit's implementation and stopping rule, which start
from the votes and draw nothing. The classes are option positions: option 2 of one item and option 2
of another are the same class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.aggregation import as_posterior, probabilities
from annobench.errors import AnnobenchError

if TYPE_CHECKING:
    import pandas as pd


def posterior(annotations: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """See `annobench.aggregation`.

    Raises:
        AnnobenchError: a label has no annotator, or is not one of its item's options.
    """
    from crowdkit.aggregation import DawidSkene

    unsigned = annotations["annotator"].isna()
    if unsigned.any():
        raise AnnobenchError(
            f"dawid-skene: found {unsigned.sum()} of {len(annotations)} annotations without an"
            " annotator; allowed: annotations that all name theirs"
        )
    return as_posterior(probabilities(DawidSkene(), annotations, options), options)
