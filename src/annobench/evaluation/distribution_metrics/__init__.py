"""Metrics of predicted distributions against people's, one file each.

A file `<kind>.py` defines

    LABEL: str                  as tables and axes print it
    HIGHER_IS_BETTER: bool
    def value(p, human, weights) -> np.ndarray
        p: [items, K], each row sums to 1 (0 beyond an item's own options)
        human: `evaluation.distributions.Human` of the same items
        weights: [..., items], how often an item counts (bootstrap resamples are weights)
        returns [...]: the metric of each weighting, NaN where it is not defined; the weights of
        each must not all be 0
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def mean(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of the items' scores [items] under weights [..., items]: [...]."""
    means: np.ndarray = weights @ scores / weights.sum(-1)
    return means
