"""Negative log-likelihood of the gold option, in nats."""

import numpy as np

LABEL = "NLL"
HIGHER_IS_BETTER = False

FLOOR = 1e-12
"""Smaller probabilities count as this, so one item costs at most 27.6 nats."""


def value(probabilities: np.ndarray, gold: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of -ln p(gold): [..., items] weights -> [...], at least 0."""
    losses = -np.log(np.maximum(probabilities[np.arange(len(gold)), gold], FLOOR))
    means: np.ndarray = weights @ losses / weights.sum(-1)
    return means
