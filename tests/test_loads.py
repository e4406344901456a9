from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from annobench.loads import assign, deal, falling


@hypothesis_settings(max_examples=60, deadline=None)
@given(items=st.integers(0, 80), annotators=st.integers(1, 12), data=st.data())
def test_assignment_is_balanced_and_without_repetition(items, annotators, data):
    labels_per_item = data.draw(st.integers(1, annotators))
    seed = data.draw(st.integers(0, 2**32))
    who = assign(items, labels_per_item, annotators, np.random.default_rng(seed))
    assert who.shape == (items, labels_per_item)
    assert all(len(set(row)) == labels_per_item for row in who.tolist())
    loads = np.bincount(who.ravel(), minlength=annotators)
    assert len(loads) == annotators
    assert loads.max() - loads.min() <= 1


def test_every_pair_of_annotators_meets_equally_often():
    who = np.sort(assign(60_000, 2, 4, np.random.default_rng(0)), axis=1)
    pairs, counts = np.unique(who, axis=0, return_counts=True)
    # 6 pairs, 10,000 each; items of one block exclude each other's pairs, which only narrows this
    assert len(pairs) == 6
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(60_000 * 1 / 6 * 5 / 6) * 1.5


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    items=st.integers(0, 40),
    annotators=st.integers(1, 12),
    skew=st.floats(0.01, 10),
    data=st.data(),
)
def test_skewed_loads_are_without_repetition_too(items, annotators, skew, data):
    labels_per_item = data.draw(st.integers(1, annotators))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    who = assign(items, labels_per_item, annotators, rng, skew)
    assert who.shape == (items, labels_per_item)
    assert all(len(set(row)) == labels_per_item for row in who.tolist())
    assert ((who >= 0) & (who < annotators)).all()


@pytest.mark.parametrize("skew", [0.5, 1, 2])
def test_loads_follow_the_skew(skew):
    n = 50_000
    loads = np.bincount(assign(n, 1, 6, np.random.default_rng(0), skew).ravel(), minlength=6)
    share = np.arange(1, 7.0) ** -skew
    share /= share.sum()
    error = np.sqrt(share * (1 - share) * n)
    # loads in falling order are those of the ranks: neighbours are further apart than this
    assert (np.abs(np.sort(loads)[::-1] - n * share) < 4 * error).all()


def test_annotators_are_picked_one_after_another():
    n, m = 60_000, 3
    who = assign(n, m, 4, np.random.default_rng(0), 1.5)
    rank = np.argsort(np.argsort(-np.bincount(who[:, 0], minlength=4)))
    weight = np.arange(1, 5.0) ** -1.5
    found, counts = np.unique(rank[who], axis=0, return_counts=True)
    count = dict(zip(map(tuple, found.tolist()), counts, strict=True))
    for order in permutations(range(4), m):
        left, p = weight.sum(), 1.0
        for picked in order:
            p *= weight[picked] / left
            left -= weight[picked]
        assert abs(count.get(order, 0) - n * p) < 4 * np.sqrt(n * p * (1 - p))


def test_everybody_labels_everything_however_skewed():
    who = assign(50, 40, 40, np.random.default_rng(0), 10)
    assert (np.sort(who, axis=1) == np.arange(40)).all()


def test_anyone_may_be_the_busiest():
    """Ranks do not depend on the position in the ladder."""
    rng = np.random.default_rng(0)
    busiest = [assign(1, 1, 4, rng, 10).item() for _ in range(2_000)]
    # 500 each; standard deviation sqrt(2000 * 1/4 * 3/4) = 19
    assert np.abs(np.bincount(busiest, minlength=4) - 500).max() < 4 * 19


@pytest.mark.parametrize("skew", [0, 1])
def test_the_same_stream_gives_the_same_assignment(skew):
    first, second, other = (
        assign(20, 3, 9, np.random.default_rng(seed), skew) for seed in (0, 0, 1)
    )
    assert (first == second).all()
    assert (first != other).any()


def test_falling_loads_by_hand():
    # 60 labels in proportion 6 : 3 : 2
    assert falling(3, 20, 1, 100, 1).tolist() == [33, 16, 11]
    # the first has no more than 24, so 36 are left for 3 : 2
    assert falling(3, 20, 1, 24, 1).tolist() == [24, 22, 14]
    assert falling(4, 7, 2, 9, 0).tolist() == [7] * 4
    # nobody has fewer than 2, whatever the skew
    assert falling(4, 5, 2, 90, 10).tolist() == [14, 2, 2, 2]


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    annotators=st.integers(1, 300),
    mean=st.integers(2, 50),
    room=st.integers(0, 50),
    skew=st.floats(0, 10),
)
def test_falling_loads_have_the_mean_and_the_bounds(annotators, mean, room, skew):
    loads = falling(annotators, mean, 2, mean + room, skew)
    assert loads.sum() == annotators * mean
    assert loads.min() >= 2
    assert loads.max() <= mean + room
    assert np.diff(loads).max(initial=0) <= 1


@hypothesis_settings(max_examples=60, deadline=None)
@given(items=st.integers(1, 30), seed=st.integers(0, 2**32), data=st.data())
def test_items_are_dealt_evenly_and_without_repetition(items, seed, data):
    loads = data.draw(st.lists(st.integers(1, items), min_size=1, max_size=20))
    dealt = deal(np.array(loads), items, np.random.default_rng(seed))
    assert len(dealt) == sum(loads)
    for own in np.split(dealt, np.cumsum(loads)[:-1]):
        assert len(set(own.tolist())) == len(own)
    uses = np.bincount(dealt, minlength=items)
    assert len(uses) == items
    assert uses.max() - uses.min() <= 1


def test_any_item_may_be_an_annotators_first():
    rng = np.random.default_rng(0)
    dealt = np.stack([deal(np.array([3, 3, 3]), 4, rng) for _ in range(2_000)])
    for place in range(9):
        # 500 each; standard deviation sqrt(2000 * 1/4 * 3/4) = 19
        assert np.abs(np.bincount(dealt[:, place], minlength=4) - 500).max() < 4.5 * 19
