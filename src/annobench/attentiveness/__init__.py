"""How attentive users are, estimated from nothing but their choices between two models' responses.

One file each; arrays in, arrays out, no model and no torch. A file `<kind>.py` defines

    class Settings(annobench.settings.Settings)      its keys, `kind` among them
    def estimate(choices: Choices, settings) -> Estimate

The settings derive from `annobench.attentive.Keys`; `estimate` refuses, by an AnnobenchError, what
`annobench.attentive.check` and `refuse_chance` do. `annobench.estimators` is the way in.

Users know what they meant, but some do not look. User i of attentiveness eta_i in [0, 1] who
compares responses of a stronger and a weaker model picks the stronger model's one with probability

    P(y_ij = 1 | eta_i) = eta_i mu_ij + (1 - eta_i) / 2 = 1/2 + eta_i (mu_ij - 1/2)

where mu_ij is the probability that an attentive user picks it: one number mu for all comparisons,
or sigmoid(score gap) of each. With mu = 1/2, one model twice say, eta_i has no effect; with free
eta_i only eta_i (mu - 1/2) is identified. Users as Annotators (Cai and Li 2025); the formulas are
our reconstruction, as the paper's own are not to be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints: TypeAlias = npt.NDArray[np.int64]
    Reals: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Choices:
    """C comparisons by U users."""

    user: Ints
    """[C] who chose, 0 to U - 1."""
    stronger: Bools
    """[C] whether the stronger model's response was chosen."""
    users: int
    """U; every user has at least one comparison."""
    first: Bools | None = None
    """[C] whether the stronger model's response stood first; None where that is not known."""
    gap: Reals | None = None
    """[C] the score of the stronger model's response less that of the other, on the scale of
    log-odds; None where responses have no scores."""


@dataclass(frozen=True)
class Estimate:
    """What the choices say of U users."""

    attentiveness: Reals
    """[U] eta, or the probability that the user is attentive."""
    low: Reals
    """[U] lower end of eta's 95 % interval."""
    high: Reals
    """[U] upper end."""
    kept: Bools
    """[U] whether the user's comparisons are to be kept."""
    share: float
    """Mean attentiveness in the population."""
    mu: float | None
    """The probability that an attentive user picks the stronger model's response, as assumed or
    found; None if it differs between comparisons."""
    log_likelihood: Reals
    """At the start and after each step of EM, never falling; its maximum alone where there is no
    EM."""
