"""Label aggregation: annotations in, one posterior per item out. crowd-kit does the work.

A file `<kind>.py` defines

    def posterior(annotations: pd.DataFrame, options: pd.Series) -> pd.DataFrame
        annotations: `tables.ANNOTATIONS`; options: number of options, indexed by item
        returns columns item and distribution (a list of one probability per option), one row for
        each annotated item, sorted by item

from the two functions below.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from annobench.errors import AnnobenchError

if TYPE_CHECKING:
    import pandas as pd


def probabilities(
    aggregator: Any, annotations: pd.DataFrame, options: pd.Series[int]
) -> pd.DataFrame:
    """A crowd-kit aggregator's probabilities, one row per annotated item, sorted by item, and one
    column per option position.

    crowd-kit knows only the labels that occur, and gives every item all of them. Here an option
    that nobody ever chose has probability 0, and an item's row is cut to its own options and
    scaled to sum to 1.

    Raises:
        AnnobenchError: a label is not one of its item's options.
    """
    import numpy as np
    import pandas as pd

    if annotations.empty:
        return pd.DataFrame()
    K = annotations["item"].map(options)
    outside = ~annotations["label"].between(0, K - 1)
    if outside.any():
        item, label = annotations.loc[outside, ["item", "label"]].iloc[0]
        raise AnnobenchError(
            f"item {item!r}: found label {label}; allowed: 0 and up, below the item's number of"
            f" options, {options.get(item, 0)}"
        )
    votes = annotations.rename(columns={"item": "task", "annotator": "worker"})
    with warnings.catch_warnings():
        # crowd-kit 1.4.2 passes arguments that pandas 4 will drop
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        found: pd.DataFrame = aggregator.fit_predict_proba(votes)
    found = found.sort_index().reindex(columns=range(int(K.max())), fill_value=0.0)
    own = np.arange(found.shape[1]) < options.reindex(found.index).to_numpy()[:, None]
    found = found.where(own, 0.0)
    return found.div(found.sum(axis=1), axis=0)


def as_posterior(found: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """Rows of `probabilities` as the table that `posterior` returns."""
    import pandas as pd

    widths = options.reindex(found.index)
    rows = [row[:width].tolist() for row, width in zip(found.to_numpy(), widths, strict=True)]
    return pd.DataFrame({"item": found.index.to_numpy(), "distribution": rows})
