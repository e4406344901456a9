"""What all estimators of attentiveness share: their keys, users counted, EM, when to refuse.

With one mu for all comparisons the likelihood of a user's choices depends on counts alone, so users
of equal counts are one group, and EM's steps cost as much as there are groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import Field, field_validator

from annobench.errors import AnnobenchError, NotIdentifiedError
from annobench.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from annobench.attentiveness import Bools, Choices, Ints, Reals

STEPS = 2_000
TOLERANCE = 1e-9
"""EM stops when a step raises the log-likelihood by less than this share of it, or by too few nats
to matter, or after `STEPS` steps."""
LEVEL = 0.95
"""Of the intervals."""
SUREST = 1 - 1e-9
"""The largest mu that is found."""
ROUNDING = 1e-9
"""An attentiveness this little below the threshold is as good as on it."""
SIGNIFICANCE = 0.01
"""A mu found from the choices is believed if attentive users are found at this level."""

Parameters = TypeVar("Parameters")


class Keys(Settings):
    """The keys of every estimator."""

    kind: str
    mu: float | Literal["joint", "scores"] = "joint"
    """The probability that an attentive user picks the stronger model's response: a number above
    1/2 and below 1; `joint`: found from the same choices; `scores`: of each comparison, the
    sigmoid of the gap between the two responses' scores."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The attentiveness from which on a user's comparisons are kept; if it is the probability of a
    type, it must be above."""

    @field_validator("mu")
    @classmethod
    def _identifiable(cls, mu: float | str) -> float | str:
        if not isinstance(mu, str) and not 0.5 < mu < 1:
            raise ValueError(
                f"found {mu:g}; allowed: above 0.5 and below 1, since attentiveness is not"
                " identifiable where attentive users choose as careless ones do"
            )
        return mu


@dataclass(frozen=True)
class Groups:
    """G groups of users whose choices have the same likelihood."""

    group: Ints
    """[U] the group of each user."""
    users: Reals
    """[G] how many users are in each; the rest is of one of them."""
    n: Reals
    """[G] comparisons."""
    k: Reals
    """[G] how often the stronger model's response was chosen."""
    f: Reals | None
    """[G] how often the response shown first was chosen; None if it is not known or not needed."""
    scored: tuple[Reals, Reals] | None
    """[G] each, the log-likelihood of an attentive and of an adversarial user by the scores; None
    where mu is one number."""

    def attentive(self, mu: float) -> Reals:
        """[G] log-likelihood of an attentive user's choices; mu is not read if there are scores."""
        return self.scored[0] if self.scored else _binomial(self.k, self.n - self.k, mu)

    def adversarial(self, mu: float) -> Reals:
        """[G] the same of one who picks the stronger model's response with probability 1 - mu."""
        return self.scored[1] if self.scored else _binomial(self.n - self.k, self.k, mu)

    def careless(self, b: float = 0.5) -> Reals:
        """[G] the same of one who picks the response shown first with probability b."""
        f = self.n / 2 if self.f is None else self.f
        return _binomial(f, self.n - f, b)


def _binomial(yes: Reals, no: Reals, p: float) -> Reals:
    """[G] yes log p + no log(1 - p), without the coefficient, and 0 log 0 = 0."""
    from scipy.special import xlog1py, xlogy

    found: Reals = xlogy(yes, p) + xlog1py(no, -p)
    return found


def groups(choices: Choices, settings: Keys, order: bool = False) -> Groups:
    """Users counted; `order` tells apart also how often they chose the response shown first.

    Raises:
        AnnobenchError: nothing about users can be learned from the choices (`check`).
    """
    import numpy as np
    from scipy.special import log_expit

    check(choices, settings)
    counts: list[Reals | Bools] = [np.ones(len(choices.user)), choices.stronger]
    if order and choices.first is not None:
        counts.append(choices.stronger == choices.first)
    table = np.stack([per_user(choices, count) for count in counts])
    if settings.mu == "scores":
        gap = towards(choices)
        scored = per_user(choices, log_expit(gap)), per_user(choices, log_expit(-gap))
        group, users = np.arange(choices.users), np.ones(choices.users)
    else:
        scored = None
        table, group, often = np.unique(table, axis=1, return_inverse=True, return_counts=True)
        users = often.astype(np.float64)
    n, k, *f = table
    return Groups(group, users, n, k, f[0] if f else None, scored)


def towards(choices: Choices) -> Reals:
    """[C] the score of the chosen response less that of the other."""
    import numpy as np

    assert choices.gap is not None
    found: Reals = np.where(choices.stronger, choices.gap, -choices.gap)
    return found


def per_user(choices: Choices, values: Reals | Bools) -> Reals:
    """[U] sums of values [C]."""
    import numpy as np

    return np.bincount(choices.user, values, choices.users).astype(np.float64)


def check(choices: Choices, settings: Keys) -> None:
    """Refuse choices that say nothing about users, whatever the estimator.

    A user with a single comparison is no reason: the estimate is the population's, nearly, and the
    interval is wide.

    Raises:
        NotIdentifiedError: there are none; all are alike; mu is to be found jointly though nobody
            made two, so that only q (mu - 1/2) is identified.
        AnnobenchError: mu is of scores that are not there or all tie.
    """
    if not len(choices.user):
        raise NotIdentifiedError("comparisons: found none; allowed: at least one of each user")
    if choices.stronger.all() or not choices.stronger.any():
        which = "stronger" if choices.stronger.any() else "weaker"
        raise NotIdentifiedError(
            f"comparisons: found the {which} model's response chosen in all {len(choices.user)};"
            " allowed: choices that differ, since attentiveness is not identifiable without"
        )
    if settings.mu == "joint" and len(choices.user) == choices.users:
        raise NotIdentifiedError(
            "comparisons: found one of each user; allowed: two or more of some users, or a given"
            " mu, since attentiveness is not identifiable without"
        )
    if settings.mu == "scores" and (choices.gap is None or not choices.gap.any()):
        found = "none" if choices.gap is None else "scores that tie in every comparison"
        raise AnnobenchError(
            f"scores: found {found}; allowed for `mu: scores`: scores that differ, since"
            " attentiveness is not identifiable without"
        )


def refuse_chance(log_likelihood: float, without: float, degrees: int) -> None:
    """Refuse a mu found from the choices if they are explained as well by careless users alone.

    That is the case unless twice the gain in log-likelihood is above the chi-squared quantile of
    `SIGNIFICANCE`, with as many degrees as parameters are gained. On the boundary the statistic is
    smaller than chi-squared, so choices by coin are believed more rarely than the level says. But
    comparisons count as independent given their users: where many users compare the same few pairs,
    the luck of these pairs can pass for a stronger model.

    Raises:
        NotIdentifiedError: it is not above.
    """
    from scipy.stats import chi2

    gain = 2 * (log_likelihood - without)
    if not gain > (least := chi2.isf(SIGNIFICANCE, degrees)):
        raise NotIdentifiedError(
            f"mu: found no attentive users (likelihood ratio {max(gain, 0):.1f}); allowed: choices"
            f" that careless users alone do not explain (above {least:.1f}), or a given mu, since"
            " attentiveness is not identifiable without"
        )


def expectation_maximisation(
    start: Parameters,
    expect: Callable[[Parameters], tuple[Reals, float]],
    maximise: Callable[[Parameters, Reals], Parameters],
    least: float = 1e-6,
) -> tuple[Parameters, Reals, Reals]:
    """EM until the log-likelihood rises no more.

    Args:
        start: where the parameters begin.
        expect: from parameters to responsibilities and log-likelihood.
        maximise: from parameters and responsibilities to the next parameters.
        least: nats that a step must gain for another one to be taken.

    Returns:
        The parameters, the responsibilities under them, and the log-likelihood at the start and
        after each step, never falling.
    """
    import numpy as np

    parameters = start
    responsibility, log_likelihood = expect(parameters)
    trace = [log_likelihood]
    for _ in range(STEPS):
        parameters = maximise(parameters, responsibility)
        responsibility, log_likelihood = expect(parameters)
        trace.append(log_likelihood)
        if trace[-1] - trace[-2] < max(least, TOLERANCE * abs(trace[-1])):
            break
    return parameters, responsibility, np.array(trace)


def mixture(shares: Reals, likelihood: Reals, users: Reals) -> tuple[Reals, float]:
    """The E step of a mixture: responsibilities [G, T] and the log-likelihood, from the T types'
    shares [T], the log-likelihood of each group under each type [G, T] and the groups' sizes."""
    import numpy as np

    with np.errstate(divide="ignore"):
        joint = np.log(shares) + likelihood
    largest = joint.max(1, keepdims=True)
    joint -= largest
    responsibility: Reals = np.exp(joint, out=joint)
    total = responsibility.sum(1, keepdims=True)
    responsibility /= total
    return responsibility, float(users @ (largest + np.log(total))[:, 0])


def yes_or_no(probability: Reals) -> tuple[Reals, Reals]:
    """[U] each, the ends of the smallest set of {0, 1} that holds a yes of this probability with
    `LEVEL`."""
    low, high = probability >= LEVEL, probability > 1 - LEVEL
    return low.astype(float), high.astype(float)
