import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annobench.rewards import REWARDS, advantages, ambiguity_weight, rewards

K = 4
SYMMETRIC = ["jsd-distance", "jsd-divergence", "bhattacharyya", "hard"]
KINDS = pytest.mark.parametrize("kind", REWARDS)


@st.composite
def pairs(draw):
    """Distributions said and people's [n, K], items of two to K options."""
    n = draw(st.integers(1, 5))
    options = draw(arrays(int, n, elements=st.integers(2, K)))
    counts = draw(arrays(int, (2, n, K), elements=st.integers(0, 9)))
    counts = np.where(np.arange(K) < options[:, None], counts, 0)
    counts[..., 0] += counts.sum(-1) == 0
    said, human = counts / counts.sum(-1, keepdims=True)
    return said, human, options


GROUPS = arrays(
    float, st.tuples(st.integers(1, 4), st.integers(2, 8)), elements=st.floats(0, 1.125, width=16)
)


@KINDS
@given(case=pairs())
def test_rewards_lie_between_0_and_1(kind, case):
    found = REWARDS[kind](*case)
    assert found.shape == (len(case[0]),)
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("kind", SYMMETRIC)
@given(case=pairs())
def test_the_two_distributions_may_change_places(kind, case):
    said, human, options = case
    np.testing.assert_allclose(
        REWARDS[kind](said, human, options), REWARDS[kind](human, said, options), atol=1e-12
    )


@KINDS
@given(case=pairs(), order=st.permutations(range(K)))
def test_the_order_of_the_options_does_not_matter(kind, case, order):
    said, human, options = case
    np.testing.assert_allclose(
        REWARDS[kind](said[:, order], human[:, order], options),
        REWARDS[kind](said, human, options),
        atol=1e-7,
    )


@KINDS
@given(case=pairs())
def test_peoples_own_distribution_earns_most(kind, case):
    said, human, options = case
    best = REWARDS[kind](human, human, options)
    assert (best >= REWARDS[kind](said, human, options) - 1e-12).all()
    alone = (human == human.max(-1, keepdims=True)).sum(-1) == 1
    np.testing.assert_allclose(best[alone], 1, atol=1e-6)


def test_rewards_by_hand():
    said = np.array([[1.0, 0], [0.5, 0.5], [0, 1], [0.5, 0.5]])
    human = np.array([[1.0, 0], [1, 0], [1, 0], [0.5, 0.5]])
    options = np.array([2, 2, 2, 2])
    divergence = 0.5 * np.log2(1 / 0.75) + 0.25 * np.log2(0.5 / 0.75) + 0.25 * np.log2(0.5 / 0.25)
    by_hand = {
        "jsd-distance": [1, 1 - np.sqrt(divergence), 0, 1],
        "jsd-divergence": [1, 1 - divergence, 0, 1],
        "bhattacharyya": [1, np.sqrt(0.5), 0, 1],
        "hard": [1, 0.5, 0, 0.5],
        "mixed": [1, 0.5, 0, 1],  # H is 0, 0, 0, 1
    }
    assert by_hand.keys() == REWARDS.keys()
    for kind, wanted in by_hand.items():
        np.testing.assert_allclose(REWARDS[kind](said, human, options), wanted, atol=1e-12)


def test_mixed_weighs_by_the_entropy_over_the_items_own_options():
    said, human = np.array([[0.0, 1, 0, 0]]), np.array([[0.75, 0.25, 0, 0]])
    for options in (2, 4):
        h = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / np.log(options)
        near = REWARDS["jsd-distance"](said, human, np.array([options]))
        np.testing.assert_allclose(REWARDS["mixed"](said, human, np.array([options])), h * near)


def test_what_cannot_be_read_earns_nothing_and_the_rest_a_bonus():
    said = np.array([[1.0, 0], [np.nan, np.nan], [0, 1]])
    human, options = np.array([[1.0, 0]] * 3), np.array([2] * 3)
    assert rewards(said, human, options, "jsd-distance", 0.1).tolist() == [1.1, 0, 0.1]
    assert rewards(said, human, options, "hard", 0).tolist() == [1, 0, 0]


def test_advantages_by_hand():
    found = advantages(np.array([[0.0, 0, 1, 1], [0.1, 0.1, 0.1, 0.1]]), std=True)
    half = 0.5 / (np.sqrt(1 / 3) + 1e-4)
    np.testing.assert_allclose(found[0], [-half, -half, half, half])
    assert found[1].tolist() == [0] * 4
    assert advantages(np.array([[0.0, 1]]), std=False).tolist() == [[-0.5, 0.5]]


@given(GROUPS, st.booleans())
def test_advantages_of_a_prompt_sum_to_0(values, std):
    found = advantages(values, std)
    np.testing.assert_allclose(found.sum(-1), 0, atol=1e-9)
    same = np.ptp(values, axis=-1) == 0
    assert not found[same].any()
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.take_along_axis(found, order, -1)) >= 0).all()


@given(GROUPS, st.floats(1, 3))
def test_the_trap_a_weight_before_the_normalisation_changes_nothing(values, weight):
    """(w r - w mean) / (w std + eps) is A but for eps, which is at most eps / std of it."""
    spread = values.std(-1, ddof=1, keepdims=True)
    assume((spread > 0.01).any())
    values, spread = values[spread[:, 0] > 0.01], spread[spread[:, 0] > 0.01]
    plain, before = advantages(values, True), advantages(weight * values, True)
    bound = 1e-4 / spread
    assert (np.abs(before - plain) <= np.abs(plain) * bound + 1e-9).all()
    exact = (weight * spread + 1e-4) / (weight * spread)  # eps taken out: nothing is left of w
    np.testing.assert_allclose(
        before * exact, (values - values.mean(-1, keepdims=True)) / spread, atol=1e-9
    )


@given(GROUPS, st.floats(1, 3))
def test_without_std_a_weight_before_is_the_weight_after(values, weight):
    np.testing.assert_allclose(
        advantages(weight * values, False), weight * advantages(values, False), atol=1e-9
    )


def test_the_weight_grows_with_disagreement():
    human = np.array([[1.0, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])
    found = ambiguity_weight(human, np.array([3, 2, 3, 3]), 0.5)
    np.testing.assert_allclose(found, [1, 1.5, 1 + 0.5 * np.log(2) / np.log(3), 1.5])
    assert ambiguity_weight(human, np.array([3, 2, 3, 3]), 0).tolist() == [1] * 4
