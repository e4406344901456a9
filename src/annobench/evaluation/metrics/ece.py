"""Expected calibration error of the top option (Guo et al. 2017, eq. 3): 15 bins of equal width.

ECE = sum over bins of |sum of (hit - confidence) over the bin's items| / items
"""

import numpy as np

from annobench.evaluation.metrics.accuracy import hits

LABEL = "ECE"
HIGHER_IS_BETTER = False

BINS = 15


def value(probabilities: np.ndarray, gold: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted calibration error: [..., items] weights -> [...] in [0, 1].

    Bins are open below and closed above, as in the paper: (0, 1/15], (1/15, 2/15], ...
    """
    confidence = probabilities.max(-1)
    bins = np.ceil(confidence * BINS)
    members = bins[:, None] == np.unique(bins)  # [items, occupied bins]
    gaps = weights @ (members * (hits(probabilities, gold) - confidence)[:, None])
    errors: np.ndarray = np.abs(gaps).sum(-1) / weights.sum(-1)
    return errors
