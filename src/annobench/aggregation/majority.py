"""Majority vote: all probability on the option with the most votes.

Options that tie for the most votes share it evenly, so nothing is drawn. Needs no annotator ids.
"""

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
    most = votes.shares == votes.shares.max(1, keepdims=True, initial=0)
    return votes.posterior(most.astype(float))
