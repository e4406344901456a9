"""What a rollout of GRPO is worth: how near the distribution it says is to people's.

SHALA-LLM (arXiv 2606.05376) in our reconstruction. p is people's distribution over an item's
options, q what a rollout says; P prompts have G rollouts each.

    r = 1 - JSD(p, q), 0 if it cannot be read, and a bonus if it can
    A = (r - mean) / (std + eps) over the prompt's rollouts
    w = 1 + lambda H(p) / log K, and the loss uses w A

The weight comes after the normalisation. Before, it changes nothing: all rewards of one prompt
times w have the same A, but for eps.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from annobench import distances

EPSILON = 1e-4

Reward: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Of distributions said [n, K] and people's [n, K], 0 beyond each item's options [n]: [n] between 0
and 1."""


def jsd_distance(said: np.ndarray, human: np.ndarray, options: np.ndarray) -> np.ndarray:
    """The paper's: 1 - sqrt(1/2 KL(p || m) + 1/2 KL(q || m)), m = (p + q) / 2, base 2."""
    return 1 - distances.jsd_distance(said, human)


def jsd_divergence(said: np.ndarray, human: np.ndarray, options: np.ndarray) -> np.ndarray:
    """1 - the square of the paper's distance, which is flat near p."""
    return 1 - distances.jsd_divergence(said, human)


def bhattacharyya(said: np.ndarray, human: np.ndarray, options: np.ndarray) -> np.ndarray:
    """The coefficient sum of sqrt(p q)."""
    return distances.bhattacharyya(said, human)


def hard(said: np.ndarray, human: np.ndarray, options: np.ndarray) -> np.ndarray:
    """1[argmax q = argmax p]; where options tie, the chance that draws from either tie agree."""
    ours, theirs = (p == p.max(-1, keepdims=True) for p in (said, human))
    agreed: np.ndarray = (ours & theirs).sum(-1) / (ours.sum(-1) * theirs.sum(-1))
    return agreed


def mixed(said: np.ndarray, human: np.ndarray, options: np.ndarray) -> np.ndarray:
    """H (1 - JSD) + (1 - H) hard, H = H(p) / log K: nearness for contested items, accuracy for
    clear ones."""
    contested = distances.entropy(human, options)
    near = jsd_distance(said, human, options)
    found: np.ndarray = contested * near + (1 - contested) * hard(said, human, options)
    return found


REWARDS: dict[str, Reward] = {
    "jsd-distance": jsd_distance,
    "jsd-divergence": jsd_divergence,
    "bhattacharyya": bhattacharyya,
    "hard": hard,
    "mixed": mixed,
}


def rewards(
    said: np.ndarray,
    human: np.ndarray,
    options: np.ndarray,
    kind: str,
    format_bonus: float,
) -> np.ndarray:
    """The reward [n] of rollouts that say `said` [n, K], a row of NaN where one cannot be read.

    One of `REWARDS` and the bonus; 0 for a rollout that cannot be read.
    """
    readable = ~np.isnan(said).any(-1)
    found = np.zeros(len(said))
    found[readable] = format_bonus + REWARDS[kind](
        said[readable], human[readable], options[readable]
    )
    return found


def advantages(rewards: np.ndarray, std: bool) -> np.ndarray:
    """A [P, G] of rewards [P, G]: r - mean, with `std` over the sample's std + eps.

    Exactly 0 where all rollouts of a prompt have the same reward.
    """
    centred = rewards - rewards.mean(-1, keepdims=True)
    same = np.ptp(rewards, axis=-1, keepdims=True) == 0
    if std:
        spread = np.sqrt((centred**2).sum(-1, keepdims=True) / max(rewards.shape[-1] - 1, 1))
        centred = centred / (spread + EPSILON)
    return np.where(same, 0.0, centred)


def ambiguity_weight(human: np.ndarray, options: np.ndarray, strength: float) -> np.ndarray:
    """w [P] = 1 + lambda H of people's distributions [P, K]; `strength` is lambda."""
    return 1 + strength * distances.entropy(human, options)
