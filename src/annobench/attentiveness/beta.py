"""Attentiveness drawn from one Beta distribution for all users (variant C).

    eta_i ~ Beta(a, b), in 50 cells of [0, 1]; a cell has the prior's mass w_m(a, b)
    E:  r_im ~ w_m x likelihood of user i's choices with eta at the middle of cell m
    M:  (a, b) = argmax sum_i,m r_im log w_m(a, b)

A user's attentiveness is the posterior mean, so what few comparisons leave open comes from the
others; the interval holds the middle 95 % of the posterior, to whole cells. A user is kept from the
threshold on. As only eta (mu - 1/2) is identified, `mu: joint` takes mu from two types of users;
where users are of no two types, that mu is too low and every eta too high, so mu should be given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench import attentive
from annobench.attentiveness import Estimate, two_types

if TYPE_CHECKING:
    from annobench.attentiveness import Choices, Reals

CELLS = 50
SMALLEST, LARGEST = 0.01, 100.0
"""Of a and b."""
CLIMB = 2
"""Steps of L-BFGS in an M step: it need not reach the maximum for the log-likelihood to rise."""
LEAST = 1e-3
"""Nats that a step of EM must gain: few users leave (a, b) nearly free, and EM would go far for
nothing."""
FLOOR = 1e-300
"""Of a cell's mass."""


class Settings(attentive.Keys):
    """Attentiveness from a Beta distribution that is found with it."""

    kind: Literal["beta"] = "beta"


def estimate(choices: Choices, settings: Settings) -> Estimate:
    """See `annobench.attentiveness`."""
    import numpy as np
    from scipy.optimize import minimize

    mu = two_types.scale(choices, settings)
    groups = attentive.groups(choices, settings)
    edges = np.linspace(0, 1, CELLS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    likelihood = _likelihood(choices, groups, mu, middles)
    bounds = [(np.log(SMALLEST), np.log(LARGEST))] * 2

    def expect(shape: Reals) -> tuple[Reals, float]:
        return attentive.mixture(masses(shape, edges), likelihood, groups.users)

    def maximise(shape: Reals, responsibility: Reals) -> Reals:
        share = groups.users @ responsibility / choices.users
        found: Reals = minimize(
            lambda shape: -share @ np.log(masses(shape, edges)),
            shape,
            bounds=bounds,
            options={"maxiter": CLIMB},
        ).x
        return found

    shape, posterior, log_likelihood = attentive.expectation_maximisation(
        np.zeros(2), expect, maximise, LEAST
    )
    below = posterior.cumsum(1)
    tail = (1 - attentive.LEVEL) / 2
    low = edges[(below < tail).sum(1)]
    high = edges[(below < 1 - tail).sum(1) + 1]
    mean = (posterior @ middles)[groups.group]
    return Estimate(
        attentiveness=mean,
        low=low[groups.group],
        high=high[groups.group],
        kept=mean >= settings.threshold - attentive.ROUNDING,
        share=float(masses(shape, edges) @ middles),
        mu=mu,
        log_likelihood=log_likelihood,
    )


def masses(shape: Reals, edges: Reals) -> Reals:
    """[cells] the mass of Beta(a, b) in each cell, from (log a, log b)."""
    import numpy as np
    from scipy.special import betainc, betaincc

    a, b = np.exp(shape)
    # Differences of the nearer tail, as those of the farther one vanish beside 1.
    half = int((edges[1:] <= 0.5).sum())
    lower = np.diff(betainc(a, b, edges[: half + 1]))
    upper = -np.diff(betaincc(a, b, edges[half:]))
    return np.concatenate([lower, upper]).clip(FLOOR)


def _likelihood(choices: Choices, groups: attentive.Groups, mu: float | None, eta: Reals) -> Reals:
    """[G, cells] log-likelihood of each group's choices at each eta."""
    import numpy as np
    from scipy.special import expit

    if mu is not None:
        p = 0.5 + eta * (mu - 0.5)
        found: Reals = np.outer(groups.k, np.log(p)) + np.outer(groups.n - groups.k, np.log1p(-p))
        return found
    step = expit(attentive.towards(choices)) - 0.5
    columns = [attentive.per_user(choices, np.log(0.5 + each * step)) for each in eta]
    return np.stack(columns, axis=1)
