"""Share of prompts to which the aligned model's response is better than the one before training."""

import numpy as np

from annobench.evaluation.preferences import Aligned

LABEL = "win rate against the start"
HIGHER_IS_BETTER = True


def scores(aligned: Aligned, gold: np.ndarray) -> np.ndarray:
    """[n]: 1, 1/2 of a tie, or 0; no gold label is needed."""
    return aligned.win
