"""Two types of users, the attentive and the careless (variant B).

    eta_i ~ Bernoulli(q)
    E:  g_i = q mu^k (1 - mu)^(n - k) / (q mu^k (1 - mu)^(n - k) + (1 - q) 2^-n)
    M:  q = mean g_i,    mu = sum g_i k_i / sum g_i n_i where it is not given

for a user who chose the stronger model's response k times out of n. A user is kept where g_i is
above the threshold. A wrong mu is dear: too small a one keeps everyone, too large a one drops most.

The order of display is not looked at: careless users are taken for coins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench import attentive
from annobench.attentiveness import Estimate

if TYPE_CHECKING:
    from annobench.attentiveness import Choices, Reals

START = 0.5, 0.75
"""q and mu, where EM begins."""


class Settings(attentive.Keys):
    """Attentive users, and careless ones who toss a coin."""

    kind: Literal["two-types"] = "two-types"


def estimate(choices: Choices, settings: Settings) -> Estimate:
    """See `annobench.attentiveness`."""
    import numpy as np

    groups = attentive.groups(choices, settings)
    coin = groups.careless()

    def expect(parameters: tuple[float, float]) -> tuple[Reals, float]:
        q, mu = parameters
        likelihood = np.stack([groups.attentive(mu), coin], axis=1)
        return attentive.mixture(np.array([q, 1 - q]), likelihood, groups.users)

    def maximise(parameters: tuple[float, float], responsibility: Reals) -> tuple[float, float]:
        g = responsibility[:, 0] * groups.users
        mu = parameters[1]
        if settings.mu == "joint":
            mu = float(np.clip(g @ groups.k / (g @ groups.n), 0.5, attentive.SUREST))
        return float(g.sum() / choices.users), mu

    start = START[0], settings.mu if isinstance(settings.mu, float) else START[1]
    (q, mu), responsibility, log_likelihood = attentive.expectation_maximisation(
        start, expect, maximise
    )
    if settings.mu == "joint":
        attentive.refuse_chance(log_likelihood[-1], float(groups.users @ coin), degrees=2)
    g = responsibility[groups.group, 0]
    low, high = attentive.yes_or_no(g)
    return Estimate(
        attentiveness=g,
        low=low,
        high=high,
        kept=g > settings.threshold,
        share=q,
        mu=None if settings.mu == "scores" else mu,
        log_likelihood=log_likelihood,
    )


def scale(choices: Choices, settings: attentive.Keys) -> float | None:
    """The mu of an estimator that cannot find its own: as given, or that of two types; None where
    it is each comparison's."""
    if settings.mu == "joint":
        return estimate(choices, Settings()).mu
    return None if settings.mu == "scores" else float(settings.mu)
