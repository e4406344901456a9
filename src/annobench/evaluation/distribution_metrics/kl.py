"""Mean KL(human || model) in nats, finite: see `distances.kl`."""

import numpy as np

from annobench import distances
from annobench.evaluation.distribution_metrics import mean
from annobench.evaluation.distributions import Human

LABEL = "KL from human"
HIGHER_IS_BETTER = False


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over items: [..., items] weights -> [...] of at least 0."""
    return mean(distances.kl(human.shares, p), weights)
