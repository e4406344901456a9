"""An attentiveness of each user's own, between 0 and 1 (variant A).

With one mu the likelihood's maximum is known,

    eta_i = clip((k_i / n_i - 1/2) / (mu - 1/2), 0, 1)

which is where EM would go, slowly at 0 and 1: there is nothing to iterate. With a mu_ij for each
comparison, log-likelihood sum_j log(1/2 + eta_i (P_ij - 1/2)), P_ij of the response that was
chosen, is concave in eta_i and its maximum is bisected.

Only eta_i (mu - 1/2) is identified, so `mu: joint` takes the scale from elsewhere: mu is what two
types of users would have, which is too low, and eta too high, where users are of no two types. The
interval is the likelihood's, 2 (l(best) - l(eta)) <= 3.84; with a single comparison it is all of
[0, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench import attentive
from annobench.attentiveness import Estimate, two_types

if TYPE_CHECKING:
    from annobench.attentiveness import Choices


class Settings(attentive.Keys):
    """Any attentiveness, each user for themselves."""

    kind: Literal["continuous"] = "continuous"


def estimate(choices: Choices, settings: Settings) -> Estimate:
    """See `annobench.attentiveness`; `log_likelihood` is the maximum alone."""
    import numpy as np
    from scipy.special import expit

    from annobench.annotators import evidence

    mu = two_types.scale(choices, settings)
    groups = attentive.groups(choices, settings)
    if mu is None:
        chosen, user = expit(attentive.towards(choices)), choices.user
        often = np.ones(len(user))
        found = evidence(chosen, np.full(len(user), 2), user, choices.users)
        best = found.best
    else:
        chosen = np.repeat([mu, 1 - mu], len(groups.n))
        user = np.tile(np.arange(len(groups.n)), 2)
        often = np.concatenate([groups.k, groups.n - groups.k])
        found = evidence(chosen, np.full(len(user), 2), user, len(groups.n), often)
        best = ((groups.k / groups.n - 0.5) / (mu - 0.5)).clip(0, 1)
    likelihood = often * np.log(0.5 + best[user] * (chosen - 0.5))
    eta = best[groups.group]
    return Estimate(
        attentiveness=eta,
        low=found.low[groups.group],
        high=found.high[groups.group],
        kept=eta >= settings.threshold - attentive.ROUNDING,
        share=float(eta.mean()),
        mu=mu,
        log_likelihood=np.array([groups.users[user] @ likelihood]),
    )
