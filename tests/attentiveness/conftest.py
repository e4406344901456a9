import numpy as np
import pytest

from annobench.attentiveness import Choices


@pytest.fixture(scope="session")
def choices_of():
    """choices_of(eta, n, mu): by users of these attentivenesses, n comparisons of each (a number,
    or one for each user), in random order of display; mu may be given for each comparison."""

    def make(eta, n, mu, seed=0):
        rng = np.random.default_rng(seed)
        eta = np.asarray(eta, float)
        user = np.repeat(np.arange(len(eta)), n)
        mu = np.broadcast_to(mu, len(user))
        stronger = rng.random(len(user)) < 0.5 + eta[user] * (mu - 0.5)
        gap = np.log(mu / (1 - mu))
        return Choices(user, stronger, len(eta), rng.random(len(user)) < 0.5, gap)

    return make


@pytest.fixture(scope="session")
def types():
    """types(users, q): 1 or 0 for each user, attentive with probability q."""
    return lambda users, q, seed=0: np.random.default_rng([seed, 1]).random(users) < q


@pytest.fixture(scope="session")
def counted():
    """counted((k, n), ...): choices by users who chose the stronger k times of n, order unknown."""

    def make(*counts):
        user = np.repeat(np.arange(len(counts)), [n for _, n in counts])
        stronger = np.concatenate([np.arange(n) < k for k, n in counts])
        return Choices(user, stronger, len(counts))

    return make
