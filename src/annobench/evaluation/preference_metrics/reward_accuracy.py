"""Share of pairs whose better response has the higher implicit reward; a tie counts half."""

import numpy as np

from annobench.evaluation.preferences import Aligned

LABEL = "reward accuracy"
HIGHER_IS_BETTER = True


def scores(aligned: Aligned, gold: np.ndarray) -> np.ndarray:
    """[n]: 1 where the gold response has the higher reward, 1/2 where the two are equal, else 0."""
    lead = aligned.rewards[:, 0] - aligned.rewards[:, 1]
    of_gold = np.select([gold == 0, gold == 1], [lead, -lead], np.nan)
    hits: np.ndarray = (np.sign(of_gold) + 1) / 2
    return hits
