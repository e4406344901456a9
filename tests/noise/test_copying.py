from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from annobench import crowd, seeds
from annobench.noise import copying
from annobench.noise.copying import Settings

K = 4


def labels_and_leaders(items, settings, seed=0):
    """Labels [items, annotators], -1 where there is none, and whom each annotator copies."""
    annotations, _ = copying.annotate(items, None, settings, seeds.generator("test", seed))
    wide = annotations.pivot(index="item", columns="annotator", values="label")
    rng = seeds.generator("test", seed)
    crowd.deal(items, settings, rng)
    annotators = len(settings.expertise)
    leader = copying.leaders(annotators, settings.copier_count, settings.leaders, rng)
    return wide.loc[items["item"]].fillna(-1).to_numpy(dtype=int), leader


@given(annotators=st.integers(2, 30), data=st.data(), seed=st.integers(0, 2**32))
def test_leaders_do_not_copy_and_share_the_copiers(annotators, data, seed):
    copiers = data.draw(st.integers(1, annotators - 1))
    leaders = data.draw(st.integers(1, min(copiers, annotators - copiers)))
    leader = copying.leaders(annotators, copiers, leaders, np.random.default_rng(seed))
    copies = leader != np.arange(annotators)
    assert copies.sum() == copiers
    followed, followers = np.unique(leader[copies], return_counts=True)
    assert len(followed) == leaders
    assert not copies[followed].any()
    assert followers.max() - followers.min() <= 1


@pytest.mark.parametrize(
    ("keys", "allowed"),
    [
        ({"copiers": 0.0}, "greater than 0"),
        ({"copiers": 1.0}, "less than 1"),
        ({"copying": 1.1}, "less than or equal to 1"),
        ({"copiers": 0.04}, "leaders: found 1 for 0 copiers among 10 annotators; allowed: no more"),
        ({"copiers": 0.96}, "leaders: found 1 for 10 copiers among 10 annotators"),
        ({"leaders": 5}, "leaders: found 5 for 4 copiers among 10 annotators"),
        ({"leaders": 3, "copiers": 0.8}, "leaders: found 3 for 8 copiers among 10 annotators"),
    ],
)
def test_refused_settings_say_what_is_allowed(keys, allowed):
    with pytest.raises(ValidationError) as caught:
        Settings(**keys)
    assert allowed in str(caught.value)


def test_label_accuracy():
    # own accuracies 1, 0.5 and 0.75; the first two copy the last
    found = copying.label_accuracy(
        np.array([1, 0, 0.5]), np.array([2]), leader=np.array([2, 2, 2]), copying=0.8
    )
    assert found.tolist() == pytest.approx([0.8, 0.7, 0.75])


def same_error(e, leader, c, a, b):
    """The probability that two annotators give the same wrong label to an item of K options."""

    def from_whom(annotator):
        return [(leader[annotator], c), (annotator, 1 - c)]

    total = 0.0
    for one, p in from_whom(a):
        for other, q in from_whom(b):
            if one == other:
                total += p * q * (1 - e[one]) * (K - 1) / K
            else:
                total += p * q * (1 - e[one]) * (1 - e[other]) * (K - 1) / K**2
    return total


def test_errors_agree_as_often_as_computed(make_items):
    n = 20_000
    items = make_items([K] * n)
    e = [0.1, 0.3, 0.5, 0.6, 0.7, 0.9]
    settings = Settings(ladder=e, labels_per_item=6, copiers=0.5, leaders=2, copying=0.7)
    labels, leader = labels_and_leaders(items, settings)
    wrong = labels != items["gold"].to_numpy()[:, None]
    expected = {pair: same_error(e, leader, 0.7, *pair) for pair in combinations(range(6), 2)}
    for (a, b), p in expected.items():
        found = (wrong[:, a] & (labels[:, a] == labels[:, b])).mean()
        assert abs(found - p) < 4 * np.sqrt(p * (1 - p) / n)


def test_two_copiers_err_alike_far_more_often_than_others(make_items):
    items = make_items([K] * 5_000)
    settings = Settings(ladder=[0.5] * 5, labels_per_item=5, copiers=0.4)
    labels, leader = labels_and_leaders(items, settings)
    wrong = labels != items["gold"].to_numpy()[:, None]
    copiers = np.flatnonzero(leader != np.arange(5))
    others = np.setdiff1d(np.arange(5), [*copiers, *leader[copiers]])

    def alike(pair):
        a, b = pair
        return (wrong[:, a] & (labels[:, a] == labels[:, b])).mean()

    # computed: 0.26 against 0.05, standard deviation 0.006
    assert len(copiers) == len(others) == 2
    assert alike(copiers) > 4 * alike(others)


def test_copiers_agree_whether_or_not_their_leader_labelled_the_item(make_items):
    items = make_items([K] * 600)
    settings = Settings(ladder=[0.3] * 6, labels_per_item=2, copiers=0.5, copying=1)
    labels, leader = labels_and_leaders(items, settings)
    head = leader[leader != np.arange(6)][0]
    group = np.flatnonzero(leader == head)
    assert len(group) == 4
    both = labels[:, group]
    both = both[(both >= 0).sum(axis=1) == 2]
    pairs = np.array([row[row >= 0] for row in both])
    without_leader = labels[(labels[:, group] >= 0).sum(axis=1) == 2, head] < 0
    assert (pairs[:, 0] == pairs[:, 1]).all()
    assert 0 < without_leader.sum() < len(pairs)
    assert len(np.unique(pairs)) == K


def test_who_never_copies_is_independent_of_the_leader(make_items):
    n = 20_000
    items = make_items([K] * n)
    settings = Settings(ladder=[0.0] * 3, labels_per_item=3, copying=0)
    labels, _ = labels_and_leaders(items, settings)
    for a, b in combinations(range(3), 2):
        assert abs((labels[:, a] == labels[:, b]).mean() - 1 / K) < 4 * np.sqrt(3 / 16 / n)
