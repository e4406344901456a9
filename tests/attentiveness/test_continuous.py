import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from annobench.attentive import expectation_maximisation
from annobench.attentiveness.continuous import Settings, estimate


def em(k, n, mu):
    """Variant A by EM: the responsibility of each kind of choice, and their mean."""

    def expect(eta):
        right, wrong = eta * mu, eta * (1 - mu)
        g = np.stack([right / (right + (1 - eta) / 2), wrong / (wrong + (1 - eta) / 2)])
        p = 0.5 + eta * (mu - 0.5)
        return g, float((k * np.log(p) + (n - k) * np.log(1 - p)).sum())

    def maximise(_, g):
        return (k * g[0] + (n - k) * g[1]) / n

    return expectation_maximisation(np.full(len(k), 0.5), expect, maximise)


def test_by_hand(counted):
    """(0.65 - 0.5) / 0.2 = 0.75; below chance 0, above mu 1."""
    found = estimate(counted((65, 100), (40, 100), (90, 100), (1, 2)), Settings(mu=0.7))
    assert found.attentiveness == pytest.approx([0.75, 0, 1, 0])
    assert found.kept.tolist() == [True, False, True, False]
    assert found.share == pytest.approx(1.75 / 4)
    p = 0.65, 0.5, 0.7, 0.5
    counts = (65, 35), (40, 60), (90, 10), (1, 1)
    likelihood = [
        yes * np.log(p) + no * np.log(1 - p) for p, (yes, no) in zip(p, counts, strict=True)
    ]
    assert found.log_likelihood == pytest.approx([sum(likelihood)])


@settings(max_examples=50, deadline=None)
@given(
    counts=st.lists(
        st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=1,
        max_size=6,
    ),
    mu=st.floats(0.55, 0.95),
)
def test_em_goes_where_the_closed_form_is(counts, mu):
    """It crawls at the boundary, so its likelihood is compared there, and its end elsewhere."""
    k, n = np.array(counts, float).T
    eta, _, trace = em(k, n, mu)
    wanted = ((k / n - 0.5) / (mu - 0.5)).clip(0, 1)
    p = 0.5 + wanted * (mu - 0.5)
    best = (k * np.log(p) + (n - k) * np.log1p(-p)).sum()
    assert (np.diff(trace) >= -1e-9).all()
    assert -1e-9 < best - trace[-1] < 0.02
    p = 0.5 + eta * (mu - 0.5)
    assert np.all((k - n * p) * (wanted - eta) >= -1e-9), "the rest of the way is uphill"


def test_em_beside_the_closed_form(counted):
    counts = (65, 100), (58, 100), (52, 80), (33, 60)
    eta, _, _ = em(*np.array(counts, float).T, 0.7)
    found = estimate(counted(*counts), Settings(mu=0.7))
    assert found.attentiveness == pytest.approx(eta, abs=0.01)


def test_the_interval_is_where_the_likelihood_is_near_its_best(counted):
    counts = [(14, 20), (11, 20), (9, 20), (20, 20), (65, 100)]
    found = estimate(counted(*counts), Settings(mu=0.8))
    eta = np.linspace(0, 1, 20_001)
    p = 0.5 + eta * 0.3
    for user, (k, n) in enumerate(counts):
        likelihood = k * np.log(p) + (n - k) * np.log(1 - p)
        inside = eta[2 * (likelihood.max() - likelihood) <= chi2.ppf(0.95, 1)]
        assert (found.low[user], found.high[user]) == pytest.approx(
            (inside[0], inside[-1]), abs=1e-4
        )
    assert (found.low <= found.attentiveness).all()
    assert (found.attentiveness <= found.high).all()


def test_the_standard_error_at_a_hundred_comparisons(counted):
    """sqrt(p (1 - p) / n) / (mu - 1/2) is 0.24 at eta 0.5, so the interval is 0.94 wide."""
    found = estimate(counted((60, 100), (50, 100)), Settings(mu=0.7))
    assert found.low[0] == pytest.approx(0.5 - 1.96 * 0.245, abs=0.02)
    assert found.high[0] == pytest.approx(0.5 + 1.96 * 0.245, abs=0.02)


def test_one_comparison_leaves_everything_open(counted):
    found = estimate(counted((1, 1), (0, 1)), Settings(mu=0.7))
    assert (found.low.tolist(), found.high.tolist()) == ([0, 0], [1, 1])


def test_intervals_hold_the_truth_as_often_as_they_say(choices_of):
    eta = np.random.default_rng(0).uniform(0.2, 0.8, 4000)
    found = estimate(choices_of(eta, 400, 0.8), Settings(mu=0.8))
    held = (found.low <= eta) & (eta <= found.high)
    assert held.mean() == pytest.approx(0.95, abs=0.012)


def test_the_mu_of_each_comparison_recovers_eta(choices_of):
    rng = np.random.default_rng(0)
    eta = rng.uniform(0, 1, 500)
    choices = choices_of(eta, 2000, rng.uniform(0.4, 0.95, 500 * 2000))
    found = estimate(choices, Settings(mu="scores"))
    assert np.abs(found.attentiveness - eta).mean() < 0.05
    assert np.corrcoef(found.attentiveness, eta)[0, 1] > 0.97
    assert ((found.low <= eta) & (eta <= found.high)).mean() > 0.92


def test_a_joint_mu_is_that_of_two_types(choices_of, types):
    attentive = types(5000, 0.6)
    found = estimate(choices_of(attentive, 50, 0.7), Settings())
    assert found.mu == pytest.approx(0.7, abs=0.005)
    assert found.attentiveness[attentive].mean() > 0.85
    assert found.attentiveness[~attentive].mean() < 0.2


def test_a_user_on_the_threshold_is_kept(counted):
    """(12 / 20 - 0.5) / 0.2 is 0.5, but less by rounding."""
    assert estimate(counted((12, 20), (11, 20)), Settings(mu=0.7)).kept.tolist() == [True, False]
