"""SHALA: learn the whole distribution of people's labels by reinforcement (arXiv 2606.05376).

The model writes how 100 people would answer, as percentages; G such rollouts of an item's prompt
are read, rewarded for how near they come to the people's own shares p, and compared with one
another, as in GRPO. Contested items count more:

    r_i = 1 - JSD(p, said_i) + bonus     the Jensen-Shannon distance; 0 if it cannot be read
    w   = 1 + lambda H(p)                H the entropy of p, divided by log K
    A_i = w (r_i - mean r) / (std r + eps)

and the policy gradient follows A_i (`training.policy`). The reward and the weight are our
reconstruction of the paper's words, as is the supervised warm-up on the format, which knows no
item's distribution: its percentages are random.

The weight must come after the group is normalised. A factor on all rewards of a group before that
changes nothing: mean and std carry it too (tested). `std: false` leaves the division out, which
gives contested items weight in another way: their rewards differ more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from annobench import settings as _settings
from annobench.methods import Given, Needs
from annobench.methods.soft_labels import expertise, learning_rate, loss, parameters, weights

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = [
    "NEEDS",
    "Settings",
    "advantage",
    "expertise",
    "learning_rate",
    "loss",
    "parameters",
    "reward",
    "targets",
    "weights",
]

NEEDS = Needs(annotations=True, verbal=True, rollouts=True)


class Settings(_settings.Settings):
    """SHALA's own keys; the method's batch, epochs and learning rate are those of `training`."""

    reward: Literal["jsd-distance", "jsd-divergence", "bhattacharyya", "hard", "mixed"] = (
        "jsd-distance"
    )
    """What a rollout is rewarded for: 1 less the Jensen-Shannon distance or divergence, the
    Bhattacharyya coefficient, the majority label on top (`hard`), or the distance on contested
    items and the majority label on clear ones (`mixed`)."""
    ambiguity: NonNegativeFloat = 1.0
    """lambda: how much more a contested item counts, w = 1 + lambda H; 0 is plain GRPO."""
    std: bool = True
    """Whether a group's rewards are divided by their standard deviation."""
    group: Annotated[int, Field(ge=2)] = 8
    """Rollouts of each item in a step, G."""
    temperature: PositiveFloat = 1.0
    """At which they are sampled."""
    updates: PositiveInt = 1
    """Optimizer steps on each batch of rollouts; the clip matters from the second on."""
    clip: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """How far from 1 a token's probability ratio is followed."""
    kl: NonNegativeFloat = 0.02
    """How much each token's KL to the reference, the model after its warm-up, is held against a
    rollout; 0 needs no reference and saves its pass."""
    format_bonus: NonNegativeFloat = 0.1
    """What is added to the reward of a rollout that can be read."""
    format_steps: NonNegativeInt = 20
    """Supervised steps of 16 texts of random percentages, before all else; with the same keys the
    same for every method with rollouts."""
    format_lr: PositiveFloat = 4e-4
    """Their peak learning rate."""


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotated item: its votes' shares."""
    from annobench.methods import soft_labels

    return soft_labels.targets(given, soft_labels.Settings())


def reward(
    said: np.ndarray, human: np.ndarray, options: np.ndarray, settings: Settings
) -> np.ndarray:
    """Of rollouts: said and human [n, K], said NaN where it cannot be read; options [n] -> [n]."""
    from annobench.rewards import rewards

    return rewards(said, human, options, settings.reward, settings.format_bonus)


def advantage(
    rewards: np.ndarray, human: np.ndarray, options: np.ndarray, settings: Settings
) -> np.ndarray:
    """Of P groups: rewards [P, G], human [P, K], options [P] -> [P, G], weighted in the end."""
    from annobench.rewards import advantages, ambiguity_weight

    weight = ambiguity_weight(human, options, settings.ambiguity)
    found: np.ndarray = weight[:, None] * advantages(rewards, settings.std)
    return found
