import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from annobench.training.rows import Rows, rows_of

ITEMS = pd.DataFrame({"item": ["a", "b", "c", "d"], "task": ["x", "y", "y", "x"]})
ANNOTATORS = ["ann", "bob"]
TASKS = ["x", "y"]


@pytest.fixture
def targets():
    return pd.DataFrame(
        {
            "item": ["c", "a", "c", "b", "d"],
            "annotator": ["bob", None, "ann", "bob", "ann"],
            "distribution": [[0, 1, 0], [0.25, 0.75], [1, 0, 0], [0, 1, 0, 0, 0], [0.5, 0.5]],
            "weight": [1.0, 0.5, 1.0, 1.0, 0.25],
            "kept": [True, True, True, False, True],
            "reason": "annotation",
        }
    )


def test_kept_rows_by_hand(targets):
    rows = rows_of(targets, ITEMS, ANNOTATORS, TASKS)
    assert rows.item.tolist() == [2, 0, 2, 3]
    assert rows.annotator.tolist() == [1, -1, 0, 0]
    assert rows.task.tolist() == [1, 0, 1, 0]
    assert rows.distribution.tolist() == [[0, 1, 0], [0.25, 0.75, 0], [1, 0, 0], [0.5, 0.5, 0]]
    assert rows.weight.tolist() == [1, 0.5, 1, 0.25]
    assert rows.options.tolist() == [3, 2, 3, 2]
    assert rows.item.dtype == rows.annotator.dtype == torch.int64
    assert rows.distribution.dtype == rows.weight.dtype == rows.options.dtype == torch.float32


def test_nobody_named(targets):
    unsigned = targets.assign(annotator=None)
    assert rows_of(unsigned, ITEMS, [], TASKS).annotator.tolist() == [-1, -1, -1, -1]


def test_nothing_kept(targets):
    with pytest.raises(ValueError, match="none of 5 target rows is kept"):
        rows_of(targets.assign(kept=False), ITEMS, ANNOTATORS, TASKS)


@pytest.mark.parametrize(
    ("chosen", "item", "weight"),
    [
        ([2], [0, 0], [1, 1]),
        ([0, 2], [1, 0, 1], [1, 0.5, 1]),
        ([3, 0, 2], [2, 1, 2, 0], [1, 0.5, 1, 0.25]),
        ([1], [], []),
    ],
)
def test_rows_of_chosen_items_are_renumbered_in_their_order(targets, chosen, item, weight):
    rows = rows_of(targets, ITEMS, ANNOTATORS, TASKS)
    found = rows.select(np.array(chosen))
    assert found.item.tolist() == item
    assert found.weight.tolist() == weight
    for i, number in enumerate(chosen):
        own, before = found.item == i, rows.item == number
        for name in ("distribution", "weight", "annotator", "options"):
            assert getattr(found, name)[own].equal(getattr(rows, name)[before])


def test_selections_follow_one_another(targets):
    rows = rows_of(targets, ITEMS, ANNOTATORS, TASKS).select(np.array([3, 2]))
    assert rows.select(np.array([1])).annotator.tolist() == [1, 0]
    assert rows.select(np.array([0])).annotator.tolist() == [0]


def test_expected_log_p_by_hand(targets):
    rows = rows_of(targets, ITEMS, ANNOTATORS, TASKS)
    p = torch.tensor([[0.2, 0.3, 0.5], [0.4, 0.6, 0.0], [0.2, 0.3, 0.5], [0.9, 0.1, 0.0]])
    wanted = [
        np.log(0.3),
        0.25 * np.log(0.4) + 0.75 * np.log(0.6),
        np.log(0.2),
        0.5 * np.log(0.9) + 0.5 * np.log(0.1),
    ]
    np.testing.assert_allclose(rows.expected_log_p(p.log()), wanted, rtol=1e-6)


def test_an_absent_option_adds_nothing_and_gets_no_gradient(targets):
    rows = rows_of(targets, ITEMS, ANNOTATORS, TASKS)
    log_p = torch.tensor([[-1.0, -1, -1], [-1, -1, -torch.inf], [-1, -1, -1], [-2, -1, -torch.inf]])
    log_p.requires_grad_(True)
    rows.expected_log_p(log_p).sum().backward()
    assert log_p.grad.tolist() == rows.distribution.tolist()


@given(st.data())
def test_a_selection_is_what_a_search_finds(data):
    """Row by row, in the rows' own order, whatever the order of the items and of the choice."""
    owners = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=20))
    items = data.draw(st.permutations(sorted(set(range(max(owners) + 1)))))
    chosen = items[: data.draw(st.integers(0, len(items)))]
    n = len(owners)
    number = torch.arange(n)
    rows = Rows(torch.tensor(owners), torch.eye(n), number / n, number, number.float(), number)
    found = rows.select(np.array(chosen, dtype=np.int64))
    wanted = [row for row, owner in enumerate(owners) if owner in chosen]
    assert found.annotator.tolist() == wanted
    assert found.item.tolist() == [chosen.index(owners[row]) for row in wanted]
    assert found.distribution.equal(torch.eye(n)[wanted])
    assert found.weight.equal(rows.weight[wanted])


def test_rows_on_a_device_keep_every_column(targets):
    rows = rows_of(targets, ITEMS, ANNOTATORS, TASKS)
    rows.select(np.array([0]))
    moved = rows.to(torch.device("cpu"))
    assert vars(moved).keys() == {"item", "distribution", "weight", "annotator", "options", "task"}
    assert moved.select(np.array([2])).annotator.tolist() == [1, 0]
