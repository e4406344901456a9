"""Share of items whose most probable option is the gold one."""

import numpy as np

LABEL = "accuracy"
HIGHER_IS_BETTER = True


def value(probabilities: np.ndarray, gold: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted share of hits: [..., items] weights -> [...] in [0, 1]."""
    shares: np.ndarray = weights @ hits(probabilities, gold) / weights.sum(-1)
    return shares


def hits(probabilities: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """[items]: 1 where the gold option is on top, 0 where it is not, 1/n where it ties with n - 1.

    A tie counts as a fair draw among the tied, so a model that knows nothing scores chance and not
    the share of first options.
    """
    top = probabilities == probabilities.max(-1, keepdims=True)
    shares: np.ndarray = top[np.arange(len(gold)), gold] / top.sum(-1)
    return shares
