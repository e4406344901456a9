"""Three types of users: attentive, careless with a habit of position, adversarial (ours).

    attentive     picks the stronger model's response with probability mu
    adversarial   picks it with probability 1 - mu
    careless      picks the response shown first with probability b, wherever the stronger one's is

b has a free distribution over a grid from 0 to 1, whose weights EM finds with the shares of the
other types, so coins (b = 1/2) and users who always pick the first (b = 1) live side by side. Where
the order of display is not known, a careless user is a coin.

    E:  r_it ~ w_t x likelihood of user i's choices under type t
    M:  w_t = mean over i of r_it,
        mu  = sum_i (r_i,att k_i + r_i,adv (n_i - k_i)) / sum_i (r_i,att + r_i,adv) n_i

where mu is not given. Attentiveness is the probability of the first type; a user is kept where it
is above the threshold. Not in any paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench import attentive
from annobench.attentiveness import Estimate

if TYPE_CHECKING:
    from annobench.attentiveness import Choices, Reals

HABITS = 11
"""Points of the grid of b."""
START = 0.75
"""mu, where EM begins; every type begins with a third."""


class Settings(attentive.Keys):
    """Attentive, careless and adversarial users."""

    kind: Literal["three-types"] = "three-types"


def estimate(choices: Choices, settings: Settings) -> Estimate:
    """See `annobench.attentiveness`."""
    import numpy as np

    groups = attentive.groups(choices, settings, order=True)
    habits = [0.5] if groups.f is None else np.linspace(0, 1, HABITS)
    careless = np.stack([groups.careless(b) for b in habits], axis=1)
    even = np.full(len(habits), 1 / len(habits))

    def expect(parameters: tuple[Reals, float]) -> tuple[Reals, float]:
        w, mu = parameters
        likelihood = np.column_stack([groups.attentive(mu), groups.adversarial(mu), careless])
        return attentive.mixture(w, likelihood, groups.users)

    def shares(responsibility: Reals) -> Reals:
        w: Reals = groups.users @ responsibility / choices.users
        return w

    def maximise(parameters: tuple[Reals, float], responsibility: Reals) -> tuple[Reals, float]:
        mu = parameters[1]
        if settings.mu == "joint":
            right, wrong = responsibility.T[:2] * groups.users
            chosen = right @ groups.k + wrong @ (groups.n - groups.k)
            mu = float(np.clip(chosen / ((right + wrong) @ groups.n), 0.5, attentive.SUREST))
        return shares(responsibility), mu

    start = settings.mu if isinstance(settings.mu, float) else START
    (w, mu), responsibility, log_likelihood = attentive.expectation_maximisation(
        (np.concatenate([[1 / 3, 1 / 3], even / 3]), start), expect, maximise
    )
    if settings.mu == "joint":
        _, _, without = attentive.expectation_maximisation(
            even,
            lambda w: attentive.mixture(w, careless, groups.users),
            lambda _, responsibility: shares(responsibility),
        )
        attentive.refuse_chance(log_likelihood[-1], without[-1], degrees=3)
    probability = responsibility[groups.group, 0]
    low, high = attentive.yes_or_no(probability)
    return Estimate(
        attentiveness=probability,
        low=low,
        high=high,
        kept=probability > settings.threshold,
        share=float(w[0]),
        mu=None if settings.mu == "scores" else mu,
        log_likelihood=log_likelihood,
    )
