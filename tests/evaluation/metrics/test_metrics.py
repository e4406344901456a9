"""Hand-worked values, and what holds for every metric."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annobench.evaluation.measures import item_metrics
from annobench.evaluation.metrics import accuracy, ece, nll

P = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.5, 0.5, 0.0]])
GOLD = np.array([0, 1, 1])
ONCE = np.ones(3)


def test_accuracy_counts_a_tie_as_a_fair_draw():
    assert accuracy.value(P, GOLD, ONCE) == pytest.approx((1 + 0 + 0.5) / 3)


def test_nll_is_in_nats():
    expected = -(np.log(0.7) + np.log(0.3) + np.log(0.5)) / 3
    assert nll.value(P, GOLD, ONCE) == pytest.approx(expected)


def test_nll_of_an_impossible_gold_is_that_of_the_floor():
    assert nll.value(np.array([[1.0, 0.0]]), np.array([1]), np.ones(1)) == pytest.approx(
        27.631, abs=1e-3
    )


def test_ece_by_hand():
    p = np.array([[0.90, 0.10], [0.92, 0.08], [0.60, 0.40], [0.55, 0.45]])
    gold = np.array([0, 1, 0, 0])
    # Bin (13/15, 14/15]: hits 1 of 2, confidence 1.82. Bins (8/15, 9/15] and (8/15, 9/15]: 0.60 is
    # on the upper edge, so it is with 0.55: hits 2, confidence 1.15.
    assert ece.value(p, gold, np.ones(4)) == pytest.approx((abs(1 - 1.82) + abs(2 - 1.15)) / 4)


def test_ece_of_a_calibrated_predictor_is_zero():
    p = np.tile([0.75, 0.25], (4, 1))
    assert ece.value(p, np.array([0, 0, 0, 1]), np.ones(4)) == pytest.approx(0)


def probabilities(items=6, options=4):
    numbers = st.floats(0.01, 1, allow_subnormal=False)
    return arrays(float, (items, options), elements=numbers).map(
        lambda a: a / a.sum(-1, keepdims=True)
    )


@pytest.mark.parametrize("kind", item_metrics())
@given(p=probabilities(), data=st.data())
def test_a_weight_is_a_repetition(kind, p, data):
    """Leading dimensions are weightings, and weight 2 is the item listed twice."""
    metric = item_metrics()[kind]
    gold = data.draw(arrays(int, len(p), elements=st.integers(0, 3)))
    counts = data.draw(arrays(int, (2, 3, len(p)), elements=st.integers(0, 3)))
    counts[..., 0] += 1
    values = metric.value(p, gold, counts.astype(float))
    assert values.shape == (2, 3)
    for place in np.ndindex(2, 3):
        rows = np.repeat(np.arange(len(p)), counts[place])
        alone = metric.value(p[rows], gold[rows], np.ones(len(rows)))
        assert values[place] == pytest.approx(alone)


@pytest.mark.parametrize("kind", item_metrics())
def test_certain_and_right_is_best(kind):
    metric = item_metrics()[kind]
    right = metric.value(np.eye(3), np.arange(3), ONCE)
    wrong = metric.value(np.eye(3), (np.arange(3) + 1) % 3, ONCE)
    assert (right > wrong) == metric.HIGHER_IS_BETTER
    assert metric.LABEL
