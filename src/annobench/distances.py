"""How far apart two distributions over the same options are, and how undecided one is.

All take arrays [..., K] of probabilities, 0 beyond an item's own options, and return [...]. The
divergence and the distance of Jensen and Shannon are told apart everywhere: papers report either.
"""

import numpy as np

FLOOR = 1e-6
"""Of a model's probabilities where a logarithm of them alone is taken."""


def kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """KL(p || q) in nats; q counts as `FLOOR` at least, so it is finite: at most ln(1 / FLOOR)."""
    sums = (p * (_log(p) - np.log(np.maximum(q, FLOOR)))).sum(-1)
    found: np.ndarray = np.maximum(sums, 0.0)
    return found


def jsd_divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """1/2 KL(p || m) + 1/2 KL(q || m), m = (p + q) / 2, base 2: between 0 and 1."""
    log_m = _log((p + q) / 2)
    halves = (p * (_log(p) - log_m)).sum(-1) + (q * (_log(q) - log_m)).sum(-1)
    found: np.ndarray = np.clip(halves / (2 * np.log(2)), 0.0, 1.0)
    return found


def jsd_distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The root of `jsd_divergence`, which is a metric: between 0 and 1."""
    found: np.ndarray = np.sqrt(jsd_divergence(p, q))
    return found


def bhattacharyya(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The coefficient sum of sqrt(p q): between 0 and 1, 1 where they are equal."""
    found: np.ndarray = np.minimum(np.sqrt(p * q).sum(-1), 1.0)
    return found


def entropy(p: np.ndarray, options: np.ndarray | int) -> np.ndarray:
    """- sum of p ln p over ln K, K = `options` [...]: between 0 and 1; 0 for one option."""
    nats = -(p * _log(p)).sum(-1)
    found: np.ndarray = np.clip(nats / np.log(np.maximum(options, 2)), 0.0, 1.0)
    return found


def _log(p: np.ndarray) -> np.ndarray:
    """0 where p is, so that 0 log 0 is 0."""
    found: np.ndarray = np.log(np.where(p > 0, p, 1.0))
    return found
