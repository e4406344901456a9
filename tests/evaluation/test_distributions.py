import numpy as np
import pandas as pd
import pytest

from annobench.evaluation.distributions import (
    TERCILES,
    Human,
    human,
    known,
    rows_of,
    terciles,
    uniform,
)


def rows(*shares):
    return pd.DataFrame(
        {
            "item": [f"q{i}" for i in range(len(shares))],
            "prompt": "?",
            "split": "test",
            "options": [["a", "b", "c"][: len(row)] for row in shares],
            "distribution": list(shares),
        }
    )


def names(found):
    return {name: list(part["item"]) for name, part in found.items()}


def test_thirds_are_equal_where_nothing_ties():
    found = terciles(rows(*([p, 1 - p] for p in (0.5, 0.9, 0.7, 0.6, 0.8, 1.0))))
    assert names(found) == {
        "low-entropy": ["q1", "q5"],
        "middle-entropy": ["q2", "q4"],
        "high-entropy": ["q0", "q3"],
    }
    assert tuple(found) == TERCILES


def test_items_of_equal_entropy_are_kept_together():
    """Three sure items of four are in the low third; the other falls after three quarters."""
    sure = [[1, 0], [0, 1], [1, 0]]
    assert names(terciles(rows(*sure, [0.5, 0.5]))) == {
        "low-entropy": ["q0", "q1", "q2"],
        "high-entropy": ["q3"],
    }
    assert list(terciles(rows(*sure))) == ["low-entropy"]


def test_entropies_tie_in_whatever_order_the_shares_come():
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    orders = [np.roll(shares, by)[::way] for by in range(4) for way in (1, -1)]
    assert len(set(Human(np.array(orders), np.full(8, 4)).entropy)) == 1


def test_known_are_the_test_items_with_options_and_a_distribution():
    items = rows([1, 0], [0.5, 0.5], [0, 1], [1, 0])
    items.at[2, "distribution"] = None
    items["split"] = ["train", "test", "test", "test"]
    items.at[3, "options"] = []
    found = known(items)
    assert found["item"].tolist() == ["q1"]
    assert found.index.tolist() == [0]  # its place among the test items


def test_items_may_differ_in_their_options():
    found = human(rows([0.5, 0.5], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2]))
    np.testing.assert_array_equal(found.shares[0], [0.5, 0.5, 0])
    np.testing.assert_array_equal(found.majority, [[0, 0, 0], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_allclose(uniform(found.options, 3)[:2], [[0.5, 0.5, 0], [1 / 3] * 3])
    assert found.from_uniform[0] == pytest.approx(0)
    assert found.drawn[0, 0] == pytest.approx(1.5 - 0.75 * np.log2(3))


def test_rows_hold_what_was_predicted():
    said = pd.DataFrame({"item": ["x", "q0"], "probabilities": [[1, 0], [0.6, 0.4]], "text": "?!"})
    found = rows_of(said, rows([0.5, 0.5])).iloc[0]
    assert found[["item", "text", "entropy", "verbal"]].fillna(0).tolist() == ["q0", "?!", 1, 0]
    assert found["probabilities"] == [0.6, 0.4]
    assert found["human"] == [0.5, 0.5]
