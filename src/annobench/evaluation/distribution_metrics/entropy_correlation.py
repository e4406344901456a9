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
    mine, theirs = ranks(human.entropy_of(p), weights), ranks(human.entropy, weights)
    both = (weights * mine * theirs).sum(-1)
    spread = (weights * mine**2).sum(-1) * (weights * theirs**2).sum(-1)
    defined = spread > 0
    found = np.divide(both, np.sqrt(spread), out=np.full_like(both, np.nan), where=defined)
    cut: np.ndarray = np.clip(found, -1, 1)
    return cut


def ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean ranks [..., items] of values [items], less the mean of all ranks.

    A level's rank is the weight below it and half of its own; the mean of all is half of the total.
    """
    _, level = np.unique(values, return_inverse=True)
    order = np.argsort(level, kind="stable")
    ends = np.cumsum(np.bincount(level))
    summed = np.cumsum(weights[..., order], axis=-1)
    upto = summed[..., ends - 1]
    below = np.zeros_like(upto)
    below[..., 1:] = upto[..., :-1]
    middle: np.ndarray = (below + upto - upto[..., -1:]) / 2
    return middle[..., level]
