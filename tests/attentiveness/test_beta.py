import numpy as np
import pytest
from scipy import stats

from annobench.attentiveness import beta, continuous
from annobench.attentiveness.beta import Settings, estimate, masses

EDGES = np.linspace(0, 1, 51)


@pytest.fixture(scope="module")
def humped(choices_of):
    """Beta(2, 2), 50 comparisons of each of 3,000 users, mu 0.8."""
    eta = np.random.default_rng(0).beta(2, 2, 3000)
    return eta, choices_of(eta, 50, 0.8)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 2), (0.3, 5), (100, 100), (0.01, 0.01)])
def test_masses_are_those_of_the_distribution(a, b):
    found = masses(np.log([a, b]), EDGES)
    assert found == pytest.approx(np.diff(stats.beta(a, b).cdf(EDGES)), abs=1e-12)
    assert found.sum() == pytest.approx(1)
    assert (found > 0).all()
    assert found[::-1] == pytest.approx(masses(np.log([b, a]), EDGES), rel=1e-6)


def test_the_posterior_of_a_known_prior(counted, monkeypatch):
    """Beta(1, 1) held fast, and mu = 0.99: nearly a binomial proportion between 1/2 and 1."""
    monkeypatch.setattr("annobench.attentive.STEPS", 0)
    found = estimate(counted((9, 12), (3, 12)), Settings(mu=0.99))
    eta = (np.arange(100_000) + 0.5) / 100_000
    p = 0.5 + 0.49 * eta
    density = p**9 * (1 - p) ** 3
    density /= density.sum()
    low, high = (eta[np.searchsorted(density.cumsum(), tail)] for tail in (0.025, 0.975))
    assert found.attentiveness[0] == pytest.approx(density @ eta, abs=1e-3)
    assert found.low[0] <= low < found.low[0] + 0.02
    assert found.high[0] - 0.02 < high <= found.high[0]
    assert found.share == pytest.approx(0.5)


def test_the_population_is_found(humped):
    eta, choices = humped
    found = estimate(choices, Settings(mu=0.8))
    assert found.share == pytest.approx(eta.mean(), abs=0.01)
    assert np.corrcoef(found.attentiveness, eta)[0, 1] > 0.7


def test_intervals_hold_the_truth_as_often_as_they_say(humped):
    eta, choices = humped
    found = estimate(choices, Settings(mu=0.8))
    assert ((found.low <= eta) & (eta <= found.high)).mean() == pytest.approx(0.96, abs=0.015)


def test_what_is_known_of_the_others_makes_the_error_smaller(humped):
    eta, choices = humped
    errors = [
        np.abs(module.estimate(choices, module.Settings(mu=0.8)).attentiveness - eta).mean()
        for module in (beta, continuous)
    ]
    assert errors[0] < 0.9 * errors[1]


def test_few_comparisons_are_drawn_to_the_population(choices_of, types):
    attentive = types(2000, 0.5)
    few = estimate(choices_of(attentive, 5, 0.8), Settings(mu=0.8)).attentiveness
    many = estimate(choices_of(attentive, 100, 0.8), Settings(mu=0.8)).attentiveness
    assert few.std() < 0.6 * many.std()
    assert few.mean() == pytest.approx(many.mean(), abs=0.04)


def test_users_of_two_types_go_to_the_ends(choices_of, types):
    attentive = types(2000, 0.5)
    found = estimate(choices_of(attentive, 100, 0.8), Settings())
    assert found.attentiveness[attentive].mean() > 0.95
    assert found.attentiveness[~attentive].mean() < 0.05
    assert (found.kept == attentive).mean() > 0.98


def test_the_mu_of_each_comparison_recovers_eta(choices_of):
    rng = np.random.default_rng(0)
    eta = rng.beta(2, 2, 300)
    choices = choices_of(eta, 1000, rng.uniform(0.4, 0.95, 300 * 1000))
    found = estimate(choices, Settings(mu="scores"))
    assert np.abs(found.attentiveness - eta).mean() < 0.06
