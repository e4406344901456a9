import json
import os
from itertools import product
from math import factorial, prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from annobench.distances import jsd_divergence
from annobench.evaluation.distribution_metrics import k_annotators
from annobench.evaluation.distributions import DRAWN, Human

CHAOS = "datasets/easonnie/ChaosNLI/chaosNLI_v1.0"


def human(*shares) -> Human:
    shares = np.array(shares, float)
    return Human(shares, np.full(len(shares), shares.shape[1]))


def by_enumeration(share: np.ndarray, k: int) -> float:
    """Over every outcome of k draws."""
    outcomes = [n for n in product(range(k + 1), repeat=len(share)) if sum(n) == k]
    chances = [
        factorial(k) / prod(map(factorial, n)) * np.prod(share ** np.array(n)) for n in outcomes
    ]
    assert sum(chances) == pytest.approx(1)
    return float(np.dot(chances, jsd_divergence(np.array(outcomes) / k, share)))


@settings(max_examples=20)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any), st.integers(1, 5))
def test_the_expected_divergence_is_exact(counts, k):
    share = np.array(counts) / sum(counts)
    assert human(share).drawn[0, k - 1] == pytest.approx(by_enumeration(share, k), abs=1e-12)


def test_more_labels_are_never_worse():
    found = human([0.5, 0.3, 0.2], [0.01, 0.99, 0], [1, 0, 0]).drawn
    assert (np.diff(found, axis=-1) <= 1e-12).all()
    assert found[2] == pytest.approx(0)


def value(p, people):
    return k_annotators.value(np.array(p), people, np.ones(len(people.options)))


def at_divergence(target: float, share: float) -> float:
    """A probability of option 0 whose divergence from (share, 1 - share) is `target`."""
    low, high = share, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        found = jsd_divergence(np.array([middle, 1 - middle]), np.array([share, 1 - share]))
        low, high = (middle, high) if found < target else (low, middle)
    return low


@pytest.mark.parametrize("k", [1, 2, 3, 20, DRAWN])
def test_as_good_as_k_labels_is_k(k):
    people = human([0.01, 0.99])
    p = at_divergence(people.drawn[0, k - 1], 0.01)
    assert value([[p, 1 - p]], people) == pytest.approx(k, abs=1e-6)


def test_it_is_linear_between_whole_numbers():
    people = human([0.15, 0.85])
    two, three = people.drawn[0, 1:3]
    p = at_divergence(0.75 * two + 0.25 * three, 0.15)
    assert value([[p, 1 - p]], people) == pytest.approx(2.25, abs=1e-6)


def test_the_uniform_distribution_and_worse_are_no_labels():
    people = human([0.15, 0.85, 0], [0.4, 0.3, 0.3])
    assert value(np.full((2, 3), 1 / 3), people) == 0
    assert value([[1, 0, 0], [0, 0, 1]], people) == 0


def test_one_label_can_be_worse_than_none():
    """People who are torn: a little better than uniform is then worth several labels at once."""
    people = human([0.6, 0.4])
    assert people.from_uniform[0] < people.drawn[0, 0]
    assert value([[0.52, 0.48]], people) > 5


def test_between_none_and_one_where_people_agree():
    people = human([0.99, 0.01])
    assert people.from_uniform[0] > people.drawn[0, 0]
    half = (people.from_uniform[0] + people.drawn[0, 0]) / 2
    low, high = 0.5, 0.99
    for _ in range(60):
        p = (low + high) / 2
        far = jsd_divergence(np.array([p, 1 - p]), people.shares[0]) > half
        low, high = (p, high) if far else (low, p)
    assert value([[p, 1 - p]], people) == pytest.approx(0.5, abs=1e-6)


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    """[3113, 3] of the SNLI and MNLI items of ChaosNLI, 100 labels each."""
    folder = Path(os.environ["ANNOBENCH_HUB_ROOT"]) / CHAOS
    names = ("chaosNLI_snli.jsonl", "chaosNLI_mnli_m.jsonl")
    lines = [line for n in names for line in (folder / n).read_text("utf-8").splitlines()]
    return np.array([json.loads(line)["label_count"] for line in lines])


on_mirror = pytest.mark.skipif(
    not (Path(os.environ.get("ANNOBENCH_HUB_ROOT", "/nowhere")) / CHAOS).is_dir(),
    reason="ANNOBENCH_HUB_ROOT is not set or lacks ChaosNLI",
)


@on_mirror
def test_labels_of_chaosnli_against_all_labels(counts):
    drawn = human(*(counts / 100)).drawn.mean(0)
    assert drawn[[0, 2, 4]] == pytest.approx([0.2645, 0.1074, 0.0672], abs=5e-5)


@on_mirror
@pytest.mark.parametrize(("k", "published"), [(1, 0.270), (3, 0.113), (5, 0.072)])
def test_the_published_values_are_of_labels_against_fifty_others(counts, k, published):
    """Exactly: of an option that c of 100 chose, n are among the k and m among the 50 others."""
    c, n, m = np.ogrid[:101, : k + 1, :51]
    chance = hypergeom.pmf(n, 100, c, k)
    rest = np.where(chance > 0, c - n, 0)
    chance = chance * hypergeom.pmf(m, 100 - k, rest, 50)
    p, q = np.broadcast_arrays(n / k, m / 50)
    ones = np.zeros_like(p)
    terms = jsd_divergence(np.stack([p, ones], -1), np.stack([q, ones], -1))
    expected = (chance * terms).sum((1, 2))
    assert expected[counts].sum(-1).mean() == pytest.approx(published, abs=1e-3)
