from dataclasses import replace

import numpy as np
import pytest

from annobench.attentiveness import Choices, two_types
from annobench.attentiveness.three_types import Settings, estimate
from annobench.errors import AnnobenchError

KINDS = ("attentive", "coin", "first", "mostly second", "adversarial")


def crowd(users, n, mu=0.75):
    """Users of all kinds in turn, and which kind each is of."""
    rng = np.random.default_rng(0)
    kind = np.arange(users) % len(KINDS)
    user = np.repeat(np.arange(users), n)
    first = rng.random(len(user)) < 0.5
    by_place = np.array([np.nan, 0.5, 1.0, 0.1, np.nan])[kind[user]]
    of_stronger = np.where(first, by_place, 1 - by_place)
    p = np.select([kind[user] == 0, kind[user] == 4], [mu, 1 - mu], of_stronger)
    stronger = rng.random(len(user)) < p
    return kind, Choices(user, stronger, users, first, np.full(len(user), np.log(mu / (1 - mu))))


@pytest.mark.parametrize("mu", [0.75, "joint", "scores"])
def test_every_kind_of_user_is_recognised(mu):
    kind, choices = crowd(1000, 60)
    found = estimate(choices, Settings(mu=mu))
    assert found.kept[kind == 0].mean() > 0.97
    for number, name in list(enumerate(KINDS))[1:]:
        assert found.kept[kind == number].mean() < 0.05, name
    assert found.kept[kind == 2].sum() == found.kept[kind == 4].sum() == 0
    assert found.share == pytest.approx(0.2, abs=0.02)
    assert found.mu is None or found.mu == pytest.approx(0.75, abs=0.01)


def test_by_hand_with_two_users(counted):
    """Order unknown, mu 3/4: user 0 chose the stronger 4 of 4 times, user 1 never. By symmetry the
    outer types are alike; against them stand coins: r = w 81 / (w 81 + w 1 + c 16)."""
    found = estimate(counted((4, 4), (0, 4)), Settings(mu=0.75))
    w = found.share
    wanted = w * 81 / (w * 82 + (1 - 2 * w) * 16)
    assert found.attentiveness[0] == pytest.approx(wanted, rel=1e-6)
    assert found.attentiveness[1] == pytest.approx(w / (w * 82 + (1 - 2 * w) * 16), rel=1e-6)


def test_who_always_picks_the_first_is_known_by_the_order_of_display():
    """In 20 comparisons, the stronger first in 15: 15 picks of the stronger without looking."""
    first = np.arange(20) < 15
    _, others = crowd(500, 20)
    user = np.concatenate([others.user, np.full(20, 500)])
    choices = Choices(
        user,
        np.concatenate([others.stronger, first]),
        501,
        np.concatenate([others.first, first]),
    )
    known = estimate(choices, Settings(mu=0.75))
    unknown = estimate(replace(choices, first=None), Settings(mu=0.75))
    assert known.attentiveness[500] < 0.01
    assert unknown.attentiveness[500] > 0.5


def test_adversaries_do_not_move_mu_as_they_do_with_two_types():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(600), 40)
    p = np.array([0.75, 0.5, 0.25])[user % 3]
    choices = Choices(user, rng.random(len(user)) < p, 600)
    three, two = estimate(choices, Settings()), two_types.estimate(choices, two_types.Settings())
    assert three.mu == pytest.approx(0.75, abs=0.015)
    assert three.share == pytest.approx(1 / 3, abs=0.03)
    assert three.log_likelihood[-1] > two.log_likelihood[-1] + 100


def test_without_careless_habits_or_adversaries_it_is_two_types(choices_of, types):
    choices = choices_of(types(2000, 0.6), 40, 0.75)
    three, two = estimate(choices, Settings()), two_types.estimate(choices, two_types.Settings())
    assert three.mu == pytest.approx(two.mu, abs=0.005)
    assert np.abs(three.attentiveness - two.attentiveness).mean() < 0.01


def test_habits_alone_are_refused():
    """Only coins and users who go by position: nothing tells what mu is."""
    kind, choices = crowd(1000, 30)
    careless = np.isin(kind[choices.user], [1, 2, 3])
    user = np.unique(choices.user[careless], return_inverse=True)[1]
    few = Choices(user, choices.stronger[careless], user.max() + 1, choices.first[careless])
    with pytest.raises(AnnobenchError, match="found no attentive users"):
        estimate(few, Settings())
