"""Vote shares: an option's probability is its share of the item's votes. Needs no annotator ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.aggregation import count

if TYPE_CHECKING:
    import pandas as pd


def posterior(annotations: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """See `annobench.aggregation`.

    Raises:
        AnnobenchError: a label is not one of its item's options.
    """
    votes = count(annotations, options)
    return votes.posterior(votes.shares)
