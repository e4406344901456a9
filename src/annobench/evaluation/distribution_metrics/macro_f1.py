"""F1 of the most probable option against the majority of people, meaned over options.

Items where people tie have no majority and are left out. An option counts if it is some item's
majority or is predicted for one, as in scikit-learn's macro average; where the model ties, each of
the tied is predicted in part, as a fair draw.
"""

import numpy as np

from annobench.evaluation.distributions import Human

LABEL = "macro-F1"
HIGHER_IS_BETTER = True


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """[..., items] weights -> [...] in [0, 1]; NaN if people tie on every item that counts."""
    top = p == p.max(-1, keepdims=True)
    told = human.majority.any(-1, keepdims=True)
    predicted = told * top / top.sum(-1, keepdims=True)
    right = weights @ (predicted * human.majority)
    found = weights @ (predicted + human.majority)
    counts = found > 0
    f1 = np.divide(2 * right, found, out=np.zeros_like(found), where=counts)
    options = counts.sum(-1)
    sums = f1.sum(-1)
    means: np.ndarray = np.divide(sums, options, out=np.full_like(sums, np.nan), where=options > 0)
    return means
