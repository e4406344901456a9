"""Mean Bhattacharyya coefficient: sum over options of sqrt(p q), 1 where they are equal."""

import numpy as np

from annobench import distances
from annobench.evaluation.distribution_metrics import mean
from annobench.evaluation.distributions import Human

LABEL = "Bhattacharyya coefficient"
HIGHER_IS_BETTER = True


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over items: [..., items] weights -> [...] in [0, 1]."""
    return mean(distances.bhattacharyya(p, human.shares), weights)
