"""Spearman's correlation of the entropies of prediction and people: does the model doubt where
people disagree?

Ranks are those of the resample, ties at their mean rank: an item of weight w is there w times.
"""

import numpy as np

from annobench.evaluation.distributions import Human

LABEL = "entropy correlation"
HIGHER_IS_BETTER = True


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """[..., items] weights -> [...] in [-1, 1]; NaN where one of the entropies is the same for all
    items that count."""
    counts = np.ascontiguousarray(np.moveaxis(weights, -1, 0))  # items first: rows are gathered
    mine, theirs = ranks(human.entropy_of(p), counts), ranks(human.entropy, counts)
    weighted = counts * mine
    both = (weighted * theirs).sum(0)
    spread = (weighted * mine).sum(0) * (counts * theirs**2).sum(0)
    found = np.divide(both, np.sqrt(spread), out=np.full_like(both, np.nan), where=spread > 0)
    cut: np.ndarray = np.clip(found, -1, 1)
    return cut


def ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean ranks [items, ...] of values [items] that are there `counts` [items, ...] times.

    A level's rank is the count below it and half of its own. The mean of all, half of the total, is
    taken off.
    """
    order = np.argsort(values)
    _, level, size = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts[order], axis=0)[np.cumsum(size) - 1]
    middle = upto - upto[-1]
    middle[1:] += upto[:-1]
    found: np.ndarray = middle[level] / 2
    return found
