from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from annobench.loads import assign


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
