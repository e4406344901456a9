"""Majority vote: all probability on the option with the most votes.

Options that tie for the most votes share it evenly, so nothing is drawn. Needs no annotator ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.aggregation import as_posterior, probabilities

if TYPE_CHECKING:
    import pandas as pd


def posterior(annotations: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """See `annobench.aggregation`.

    Raises:
        AnnobenchError: a label is not one of its item's options.
    """
    from crowdkit.aggregation import MajorityVote

    shares = probabilities(MajorityVote(), annotations, options)
    most = shares.eq(shares.max(axis=1), axis=0).astype(float)
    return as_posterior(most.div(most.sum(axis=1), axis=0), options)
