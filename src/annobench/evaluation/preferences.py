"""Pairs of responses, and what aligned models did with them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Aligned:
    """What is said of an aligned model on n pairs, NaN where nothing is; see
    `tables.PREDICTIONS`."""

    rewards: np.ndarray
    """[n, 2] implicit reward of each response"""
    win: np.ndarray
    """[n] whether its own response is better than the one before training: 1, 1/2 or 0"""
    kl: np.ndarray
    """[n] log-ratio of its own response, in nats"""

    def of(self, at: np.ndarray) -> "Aligned":
        """Of some of the pairs."""
        return Aligned(self.rewards[at], self.win[at], self.kl[at])


def aligned(predictions: pd.DataFrame) -> Aligned | None:
    """Of rows of `tables.PREDICTIONS` of pairs; None of a model that was not aligned."""
    said = predictions.reindex(columns=["rewards", "win", "kl"])
    if said.isna().all(axis=None):
        return None
    rewards = np.full((len(said), 2), np.nan)
    known = said["rewards"].notna().to_numpy()
    if known.any():
        rewards[known] = np.stack(said.loc[known, "rewards"].tolist())
    return Aligned(rewards, said["win"].to_numpy(float), said["kl"].to_numpy(float))
