"""The nearest vectors."""

import numpy as np
import numpy.typing as npt


def nearest(
    queries: npt.NDArray[np.float64],
    among: npt.NDArray[np.float64],
    k: int,
    not_self: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """Places of the nearest of `among` [n, D] to each of `queries` [m, D], nearest first, equal
    ones in their order: [m, min(k, n)]. All are unit vectors. `not_self` [m] is the place of each
    query itself, which comes last, or -1."""
    scores = queries @ among.T
    if not_self is not None:
        own = np.flatnonzero(not_self >= 0)
        scores[own, not_self[own]] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]
