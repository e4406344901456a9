"""Hand-worked values, and what holds for every metric."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from annobench.evaluation.distribution_metrics import (
    bhattacharyya,
    calibration,
    entropy_correlation,
    jsd_distance,
    jsd_divergence,
    k_annotators,
    kl,
    macro_f1,
)
from annobench.evaluation.distributions import DRAWN, Human
from annobench.evaluation.measures import distribution_metrics

KINDS = list(distribution_metrics())
BOUNDS = {
    "jsd-distance": (0, 1),
    "jsd-divergence": (0, 1),
    "bhattacharyya": (0, 1),
    "kl": (0, np.log(1e6)),
    "entropy-correlation": (-1, 1),
    "calibration": (0, 1),
    "macro-f1": (0, 1),
    "k-annotators": (0, DRAWN),
}


def people(*shares) -> Human:
    shares = np.array(shares, float)
    return Human(shares, np.full(len(shares), shares.shape[1]))


def once(human):
    return np.ones(len(human.options))


def test_distances_by_hand():
    human = people([1, 0], [0.5, 0.5])
    p = np.array([[0.0, 1.0], [0.5, 0.5]])
    assert jsd_divergence.value(p, human, once(human)) == pytest.approx(1 / 2)
    assert jsd_distance.value(p, human, once(human)) == pytest.approx(1 / 2)
    assert bhattacharyya.value(p, human, once(human)) == pytest.approx(1 / 2)
    assert kl.value(p, human, once(human)) == pytest.approx(np.log(1e6) / 2)
    mixed = np.array([[0.5, 0.5], [0.5, 0.5]])
    # Of (1, 0) and (1/2, 1/2): 1 - 3/4 log2 3 + 1/2.
    apart = 1.5 - 0.75 * np.log2(3)
    weights = np.array([3.0, 1.0])
    assert jsd_divergence.value(mixed, human, weights) == pytest.approx(0.75 * apart)
    assert jsd_distance.value(mixed, human, weights) == pytest.approx(0.75 * np.sqrt(apart))
    assert kl.value(mixed, human, weights) == pytest.approx(0.75 * np.log(2))


def test_calibration_by_hand():
    human = people([0.9, 0.1], [0.5, 0.5], [0.2, 0.8])
    p = np.array([[0.7, 0.3], [0.7, 0.3], [0.4, 0.6]])
    # Option 0: 1.4 against 1.4 in one bin, and 0.4 against 0.2. Option 1: 0.6 against 0.6, and 0.6
    # against 0.8.
    assert calibration.value(p, human, once(human)) == pytest.approx((0.2 + 0.2) / 3 / 2)
    assert calibration.value(p, human, np.array([1.0, 0, 0])) == pytest.approx(0.2)


def test_calibration_has_zero_in_its_first_bin():
    human = people([0.1, 0.9], [0.0, 1.0])
    p = np.array([[0.0, 1.0], [0.05, 0.95]])
    assert calibration.value(p, human, once(human)) == pytest.approx((0.05 + 0.05) / 2 / 2)


def test_macro_f1_by_hand():
    human = people([0.6, 0.4, 0], [0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.5, 0])
    p = np.array([[1, 0, 0], [0, 1, 0], [0.2, 0.6, 0.2], [0, 0, 1.0]])
    # The last item ties. Option 0: 1 right of 2, 1 predicted; option 1: 1 right of 1, 2 predicted.
    assert macro_f1.value(p, human, once(human)) == pytest.approx((2 / 3 + 2 / 3) / 2)
    undecided = np.full((4, 3), 1 / 3)
    # Each is predicted once: 2/3 right of 2, 1/3 of 1, 0 of 0.
    expected = (2 * (2 / 3) / 3 + 2 * (1 / 3) / 2 + 0) / 3
    assert macro_f1.value(undecided, human, once(human)) == pytest.approx(expected)
    assert np.isnan(macro_f1.value(p, human, np.array([0, 0, 0, 1.0])))


def test_entropy_correlation_by_hand():
    human = people([1, 0], [0.9, 0.1], [0.3, 0.7], [0.7, 0.3])
    order = np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5], [0.4, 0.6]])
    entropies = ([0, 1, 2, 2], [0, 1, 3, 2])
    expected = spearmanr(*entropies).statistic
    assert entropy_correlation.value(order, human, once(human)) == pytest.approx(expected)
    assert np.isnan(entropy_correlation.value(np.full((4, 2), 0.5), human, once(human)))
    weights = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1], [0, 3, 0, 0]])
    found = entropy_correlation.value(order, human, weights)
    np.testing.assert_allclose(found, [1, np.nan, np.nan])


def test_entropy_is_of_an_items_own_options():
    """(1/2, 1/2) of two options is as undecided as thirds of three, and more than of three."""
    human = Human(np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [1, 1, 1]]) / [[1], [1], [3]], [2, 3, 3])
    np.testing.assert_allclose(human.entropy, [1, np.log(2) / np.log(3), 1])


def distributions(items: int, options: int):
    """Of few labels each, so that entropies and options tie."""
    counts = st.lists(st.integers(0, 4), min_size=options, max_size=options).filter(any)
    rows = st.lists(counts, min_size=items, max_size=items).map(lambda a: np.array(a, float))
    return rows.map(lambda a: a / a.sum(-1, keepdims=True))


ITEMS, OPTIONS = 6, 3
drawn = st.tuples(distributions(ITEMS, OPTIONS), distributions(ITEMS, OPTIONS))


def test_every_metric_has_bounds():
    assert set(BOUNDS) == set(KINDS)
    assert all(metric.LABEL for metric in distribution_metrics().values())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(drawn=drawn)
def test_bounds(kind, drawn):
    p, shares = drawn
    found = distribution_metrics()[kind].value(p, people(*shares), np.ones(ITEMS))
    low, high = BOUNDS[kind]
    assert np.isnan(found) or low - 1e-12 <= found <= high + 1e-12


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(drawn=drawn)
def test_nothing_is_better_than_the_human_distribution(kind, drawn):
    p, shares = drawn
    metric = distribution_metrics()[kind]
    human = people(*shares)
    perfect, other = (metric.value(q, human, np.ones(ITEMS)) for q in (shares, p))
    best = {"k-annotators": None, "macro-f1": 1.0}.get(kind, BOUNDS[kind][metric.HIGHER_IS_BETTER])
    if not np.isnan(perfect) and best is not None:
        assert perfect == pytest.approx(best, abs=1e-6)
    if not np.isnan(perfect) and not np.isnan(other):
        assert perfect == pytest.approx(other) or (perfect > other) == metric.HIGHER_IS_BETTER


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(drawn=drawn, order=st.permutations(range(OPTIONS)))
def test_the_order_of_options_does_not_matter(kind, drawn, order):
    p, shares = drawn
    metric = distribution_metrics()[kind]
    found = metric.value(p, people(*shares), np.ones(ITEMS))
    turned = metric.value(p[:, order], people(*shares[:, order]), np.ones(ITEMS))
    assert turned == pytest.approx(found, nan_ok=True)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(drawn=drawn, data=st.data())
def test_a_weight_is_a_repetition(kind, drawn, data):
    """Leading dimensions are weightings, and weight 2 is the item listed twice."""
    p, shares = drawn
    metric = distribution_metrics()[kind]
    counts = st.lists(st.integers(0, 3), min_size=ITEMS, max_size=ITEMS).filter(any)
    weights = np.array([data.draw(counts) for _ in range(2)])[:, None]
    values = metric.value(p, people(*shares), weights.astype(float))
    assert values.shape == (2, 1)
    for (value,), (counted,) in zip(values, weights, strict=True):
        rows = np.repeat(np.arange(ITEMS), counted)
        alone = metric.value(p[rows], people(*shares[rows]), np.ones(len(rows)))
        assert value == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "calibration"])
@settings(max_examples=20)
@given(drawn=drawn)
def test_padding_beyond_an_items_own_options_changes_nothing(kind, drawn):
    p, shares = drawn
    metric = distribution_metrics()[kind]
    padded, wide = (np.pad(a, ((0, 0), (0, 2))) for a in (p, shares))
    found = metric.value(padded, Human(wide, np.full(ITEMS, OPTIONS)), np.ones(ITEMS))
    expected = metric.value(p, people(*shares), np.ones(ITEMS))
    assert found == pytest.approx(expected, nan_ok=True)


@settings(max_examples=20)
@given(drawn=drawn)
def test_spearman_is_that_of_scipy(drawn):
    p, shares = drawn
    human = people(*shares)
    found = entropy_correlation.value(p, human, np.ones(ITEMS))
    if not np.isnan(found):
        expected = spearmanr(human.entropy_of(p), human.entropy).statistic
        assert found == pytest.approx(expected)


def test_k_annotators_is_at_most_so_many():
    human = people([0.5, 0.3, 0.2], [0.1, 0.9, 0])
    assert k_annotators.value(human.shares, human, once(human)) == DRAWN
