"""Mean Jensen-Shannon divergence, base 2: the square of the distance."""

import numpy as np

from annobench import distances
from annobench.evaluation.distribution_metrics import mean
from annobench.evaluation.distributions import Human

LABEL = "JS divergence"
HIGHER_IS_BETTER = False


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over items: [..., items] weights -> [...] in [0, 1]."""
    return mean(distances.jsd_divergence(p, human.shares), weights)
