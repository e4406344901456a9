import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import binom

from annobench import attentive
from annobench.attentiveness import Choices
from annobench.errors import AnnobenchError

SURE = attentive.Keys(kind="any", mu=0.7)
JOINT = attentive.Keys(kind="any")
SCORES = attentive.Keys(kind="any", mu="scores")


def choices(user, stronger, first=None, gap=None):
    return Choices(
        np.array(user),
        np.array(stronger, bool),
        max(user, default=-1) + 1,
        None if first is None else np.array(first, bool),
        None if gap is None else np.array(gap, float),
    )


@pytest.mark.parametrize("mu", [0.5, 0.3, 1.0, 7])
def test_an_unidentifiable_mu_is_refused_with_the_reason(mu):
    with pytest.raises(ValidationError, match=f"found {mu:g}; allowed: .*not identifiable"):
        attentive.Keys(kind="any", mu=mu)


@pytest.mark.parametrize("keys", [{"mu": "jiont"}, {"threshold": 1.1}, {"threshhold": 0.5}])
def test_wrong_keys_are_refused(keys):
    with pytest.raises(ValidationError):
        attentive.Keys(kind="any", **keys)


@pytest.mark.parametrize(
    ("given", "keys", "said"),
    [
        (choices([], []), SURE, "comparisons: found none"),
        (choices([0, 0, 1], [1, 1, 1]), SURE, "stronger model's response chosen in all 3"),
        (choices([0, 0, 1], [0, 0, 0]), SURE, "weaker model's response chosen in all 3"),
        (choices([0, 1], [0, 1]), JOINT, "found one of each user"),
        (choices([0, 1], [0, 1]), SCORES, "scores: found none"),
        (choices([0, 1], [0, 1], gap=[0, 0]), SCORES, "scores that tie"),
    ],
)
def test_choices_that_say_nothing_are_refused(given, keys, said):
    with pytest.raises(AnnobenchError, match=said):
        attentive.check(given, keys)


def test_one_comparison_of_each_user_will_do_if_mu_is_given():
    attentive.check(choices([0, 1], [0, 1]), SURE)


def test_users_of_equal_counts_are_one_group():
    given = choices([0, 0, 1, 1, 2], [1, 0, 0, 1, 1], first=[1, 1, 0, 0, 1])
    found = attentive.groups(given, SURE)
    assert found.group.tolist() == [1, 1, 0]
    assert found.users.tolist() == [1, 2]
    assert (found.n.tolist(), found.k.tolist()) == ([1, 2], [1, 1])
    assert found.f is None
    assert found.careless() == pytest.approx(np.log([0.5, 0.25]))


def test_the_order_of_display_tells_them_apart():
    """User 0 chose what stood first once in two, user 1 too, user 2 always."""
    given = choices([0, 0, 1, 1, 2, 2], [1, 0, 0, 1, 1, 0], first=[1, 1, 0, 0, 1, 0])
    found = attentive.groups(given, SURE, order=True)
    assert found.f[found.group].tolist() == [1, 1, 2]
    assert found.careless(1.0)[found.group].tolist() == [-np.inf, -np.inf, 0]
    unknown = choices([0, 0, 1, 1, 2, 2], [1, 0, 0, 1, 1, 0])
    assert attentive.groups(unknown, SURE, order=True).f is None


def test_types_likelihoods_are_binomial_but_for_the_coefficient():
    found = attentive.groups(choices([0, 0, 0], [1, 0, 1]), SURE)
    assert found.attentive(0.7) == pytest.approx(np.log(0.7 * 0.3 * 0.7))
    assert found.adversarial(0.7) == pytest.approx(np.log(0.3 * 0.7 * 0.3))
    assert found.attentive(0.7) == pytest.approx(binom.logpmf(2, 3, 0.7) - np.log(3))


def test_scores_give_each_comparison_its_own_mu():
    """Gaps log 3 and -log 4: mu is 3/4 and 1/5."""
    found = attentive.groups(choices([0, 0], [1, 0], gap=[np.log(3), -np.log(4)]), SCORES)
    assert np.exp(found.attentive(0.9)) == pytest.approx(0.75 * 0.8)
    assert np.exp(found.adversarial(0.9)) == pytest.approx(0.25 * 0.2)


def test_a_mixture_by_hand():
    """Two groups, of one user and of three; shares 1/4 and 3/4."""
    likelihood = np.log([[0.3, 0.1], [0.2, 0.2]])
    responsibility, found = attentive.mixture(
        np.array([0.25, 0.75]), likelihood, np.array([1.0, 3.0])
    )
    assert responsibility == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75]]))
    assert found == pytest.approx(np.log(0.15) + 3 * np.log(0.2))


def test_a_mixture_does_not_underflow():
    responsibility, found = attentive.mixture(
        np.array([0.5, 0.5]), np.array([[-1e5, -1e5 - np.log(3)]]), np.ones(1)
    )
    assert responsibility[0] == pytest.approx([0.75, 0.25])
    assert found == pytest.approx(-1e5 + np.log(0.5 + 0.5 / 3))


def test_a_type_of_no_share_has_no_user():
    responsibility, found = attentive.mixture(np.array([0.0, 1.0]), np.zeros((1, 2)), np.ones(1))
    assert responsibility.tolist() == [[0, 1]]
    assert found == 0


def test_em_stops_where_it_rises_no_more():
    """Halving the distance to 1: the likelihood -1 - (1 - x)^2 rises until it cannot be seen."""
    x, responsibility, trace = attentive.expectation_maximisation(
        0.0, lambda x: (np.array([x]), -1 - (1 - x) ** 2), lambda x, r: (x + r[0]) / 4 + 0.5
    )
    assert x == pytest.approx(1, abs=2e-3)
    assert responsibility.tolist() == [x]
    assert trace[:2].tolist() == [-2, -1.25]
    assert 5 < len(trace) < 25
    assert (np.diff(trace) > 0).all()


def test_em_stops_at_its_most_steps(monkeypatch):
    monkeypatch.setattr(attentive, "STEPS", 7)
    _, _, trace = attentive.expectation_maximisation(
        -100.0, lambda x: (np.zeros(1), x), lambda x, r: x + 1
    )
    assert trace.tolist() == list(range(-100, -92))


def test_chance_is_refused():
    """The 1 % quantiles of chi-squared: 9.21 with two degrees, 11.34 with three."""
    attentive.refuse_chance(-10.0, -14.7, degrees=2)
    with pytest.raises(AnnobenchError, match=r"likelihood ratio 9\.2\).*above 9\.2"):
        attentive.refuse_chance(-10.0, -14.6, degrees=2)
    with pytest.raises(AnnobenchError, match=r"above 11\.3"):
        attentive.refuse_chance(-10.0, -14.7, degrees=3)
    with pytest.raises(AnnobenchError, match="likelihood ratio 0"):
        attentive.refuse_chance(-10.0, -9.0, degrees=2)


def test_the_smallest_set_of_a_probability():
    low, high = attentive.yes_or_no(np.array([0, 0.04, 0.06, 0.94, 0.96, 1]))
    assert low.tolist() == [0, 0, 0, 0, 1, 1]
    assert high.tolist() == [0, 0, 1, 1, 1, 1]
