import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench import retrieval
from annobench.retrieval import nearest


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def directions(degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], -1).astype(np.float32)


def by_hand(queries, among, k, own):
    """Every cosine of every query, one by one."""
    rows = []
    for number, query in enumerate(queries):
        others = [place for place in range(len(among)) if own is None or place != own[number]]
        others.sort(key=lambda place: (-round(float(query @ among[place]), 6), place))
        rows.append(others)
    return [row[: min([k, *map(len, rows)])] for row in rows]


def test_by_hand():
    found = nearest(directions([0, 80]), directions([90, 10, -20, 45]), 3)
    assert found.tolist() == [[1, 2, 3], [0, 3, 1]]


def test_equally_near_ones_stand_in_their_order():
    among = directions([30, 5, -30, 5, 30, 5])
    assert nearest(directions([0]), among, 5).tolist() == [[1, 3, 5, 0, 2]]


def test_no_item_is_its_own_neighbour():
    """Nor when another is equal; a query that stands nowhere may have any."""
    among = directions([0, 10, 0])
    assert nearest(among, among, 2, np.arange(3)).tolist() == [[2, 1], [0, 2], [0, 1]]
    assert nearest(among, among, 2, np.array([-1, 1, 2])).tolist() == [[0, 2], [0, 2], [0, 1]]


@pytest.mark.parametrize(
    ("m", "n", "own", "shape"), [(2, 1, True, (2, 0)), (2, 0, False, (2, 0)), (0, 3, False, (0, 2))]
)
def test_too_few(m, n, own, shape):
    found = nearest(directions([0] * m), directions([0] * n), 2, np.zeros(m, int) if own else None)
    assert found.shape == shape


@given(
    st.integers(1, 12), st.integers(2, 12), st.integers(1, 6), st.booleans(), st.integers(0, 2**32)
)
def test_as_one_by_one(m, n, k, own, seed):
    """Small whole numbers make many ties."""
    rng = np.random.default_rng(seed)
    queries, among = (unit(rng.integers(1, 3, (count, 3)).astype(np.float32)) for count in (m, n))
    places = rng.integers(0, n, m) if own else None
    assert nearest(queries, among, k, places).tolist() == by_hand(queries, among, k, places)


def test_chunks_change_nothing_and_bound_the_memory(monkeypatch):
    rng = np.random.default_rng(0)
    vectors = unit(rng.standard_normal((3000, 8)).astype(np.float32))
    own = np.arange(3000)
    whole = nearest(vectors, vectors, 5, own)
    monkeypatch.setattr(retrieval, "CHUNK", 60_000)
    tracemalloc.start()
    assert (nearest(vectors, vectors, 5, own) == whole).all()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60_000 * 40
