"""Mean Jensen-Shannon distance: the root of each item's divergence, base 2."""

import numpy as np

from annobench import distances
from annobench.evaluation.distribution_metrics import mean
from annobench.evaluation.distributions import Human

LABEL = "JS distance"
HIGHER_IS_BETTER = False


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over items: [..., items] weights -> [...] in [0, 1]."""
    return mean(distances.jsd_distance(p, human.shares), weights)
