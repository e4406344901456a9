import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from annobench.distances import FLOOR, bhattacharyya, entropy, jsd_distance, jsd_divergence, kl

COUNTS = arrays(int, (2, 3, 5), elements=st.integers(0, 20)).filter(lambda n: n.any(-1).all())
THREE = arrays(int, (3, 4), elements=st.integers(0, 20)).filter(lambda n: n.any(-1).all())


def shares(counts):
    return counts / counts.sum(-1, keepdims=True)


@given(COUNTS)
def test_jensen_shannon_is_scipys(counts):
    """Which takes a root of a sum of logarithms: near 0 it is good to the root of 1e-16."""
    p, q = shares(counts)
    theirs = np.nan_to_num(jensenshannon(p, q, base=2, axis=-1))
    np.testing.assert_allclose(jsd_distance(p, q), theirs, atol=1e-7)
    np.testing.assert_allclose(jsd_divergence(p, q), theirs**2, atol=1e-12)


@given(COUNTS)
def test_kl_and_entropy_are_scipys(counts):
    p, q = shares(counts + np.array([0, 1])[:, None, None])
    np.testing.assert_allclose(kl(p, q), scipy_entropy(p, q, axis=-1), atol=1e-12)
    np.testing.assert_allclose(entropy(p, 5), scipy_entropy(p, axis=-1) / np.log(5), atol=1e-12)


@given(COUNTS)
def test_bounds_symmetry_and_identity(counts):
    p, q = shares(counts)
    for distance in (jsd_distance, jsd_divergence, bhattacharyya):
        found = distance(p, q)
        assert found.min() >= 0
        assert found.max() <= 1
        np.testing.assert_allclose(found, distance(q, p), atol=1e-12)
    np.testing.assert_allclose(jsd_divergence(p, p), 0, atol=1e-15)
    np.testing.assert_allclose(bhattacharyya(p, p), 1)
    assert kl(p, q).min() >= 0


@given(COUNTS)
def test_options_beyond_an_items_own_add_nothing(counts):
    p, q = shares(counts)
    wide = [np.concatenate([x, np.zeros((3, 2))], -1) for x in (p, q)]
    for distance in (jsd_distance, jsd_divergence, bhattacharyya, kl):
        np.testing.assert_allclose(distance(*wide), distance(p, q), atol=1e-12)
    np.testing.assert_allclose(entropy(wide[0], 5), entropy(p, 5))


@given(THREE)
def test_the_distance_is_a_metric(counts):
    p, q, r = shares(counts)
    assert jsd_distance(p, r) <= jsd_distance(p, q) + jsd_distance(q, r) + 1e-7


def test_distributions_apart():
    p, q = np.array([1.0, 0]), np.array([0.0, 1])
    assert (jsd_distance(p, q), jsd_divergence(p, q), bhattacharyya(p, q)) == (1, 1, 0)
    assert kl(p, q) == pytest.approx(np.log(1 / FLOOR))


def test_entropy_is_of_an_items_own_options():
    p = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [1, 0, 0], [1, 0, 0]])
    found = entropy(p, np.array([2, 3, 3, 1]))
    np.testing.assert_allclose(found, [1, np.log(2) / np.log(3), 0, 0])
