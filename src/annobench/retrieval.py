"""The nearest of many vectors, exactly."""

import numpy as np

STEPS = 10**6
"""Cosines are compared in steps of a millionth, far above rounding, so that equal ones tie."""
CHUNK = 2**22
"""Cosines held at a time; about 100 MB."""


def nearest(
    queries: np.ndarray, among: np.ndarray, k: int, not_self: np.ndarray | None = None
) -> np.ndarray:
    """The k nearest vectors by cosine, nearest first; of equally near ones the first.

    Args:
        queries: [m, D] unit vectors.
        among: [n, D] unit vectors.
        not_self: [m] where each query stands in `among`, or -1 for nowhere; it is not its own
            neighbour.

    Returns:
        [m, min(k, n')] places in `among`, n' the fewest that any query may have: n, or n - 1 where
        a query stands in `among`.
    """
    own = np.full(len(queries), -1) if not_self is None else not_self
    width = min(k, len(among) - bool((own >= 0).any()))
    if width < 1 or not len(queries):
        return np.empty((len(queries), max(width, 0)), np.int64)
    chunks = -(-len(queries) * len(among) // CHUNK)
    parts = np.array_split(np.arange(len(queries)), min(chunks, len(queries)))
    return np.concatenate([_nearest(queries[p], among, width, own[p]) for p in parts])


def _nearest(queries: np.ndarray, among: np.ndarray, width: int, own: np.ndarray) -> np.ndarray:
    places = np.arange(len(among))
    keys = np.rint(queries @ among.T * -STEPS).astype(np.int64) * len(among) + places
    keys[own >= 0, own[own >= 0]] = np.iinfo(np.int64).max
    first = np.sort(np.partition(keys, width - 1)[:, :width])
    found: np.ndarray = first % len(among)
    return found
