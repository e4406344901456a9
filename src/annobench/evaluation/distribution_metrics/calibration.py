"""Class-wise calibration error (Kull et al., NeurIPS 2019, classwise-ECE) against human shares.

    mean over options of the sum over bins of |sum over the bin's items of (share - p)| / items

with 15 bins of equal width of the option's probability. A hit is the share of people who chose the
option, the expected hit of one person's label (our reconstruction: the paper's hit is one label).
All options count, so it is of the distribution; `ece` is of the top option and the gold label.
"""

import numpy as np

from annobench.evaluation.distributions import Human

LABEL = "class-wise calibration error"
HIGHER_IS_BETTER = False

BINS = 15


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """Weighted calibration error: [..., items] weights -> [...] in [0, 2/K].

    Bins are open below and closed above, but for the first: [0, 1/15], (1/15, 2/15], ...
    """
    items, options = p.shape
    bins = np.clip(np.ceil(p * BINS), 1, BINS).astype(np.int64) - 1
    spread = np.zeros((items, options, BINS))
    np.put_along_axis(spread, bins[..., None], (human.shares - p)[..., None], axis=-1)
    gaps = spread.reshape(items, -1)
    gaps = gaps[:, gaps.any(0)]
    errors: np.ndarray = np.abs(weights @ gaps).sum(-1) / (weights.sum(-1) * options)
    return errors
