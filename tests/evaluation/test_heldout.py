import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench.evaluation.heldout import Labels, expertise, score
from annobench.evaluation.metrics.nll import FLOOR

P = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])  # the second item has two options
WHO = [("ann", "t"), ("bob", "t"), ("ann", "t")]
LABELS = Labels(
    item=np.array([0, 0, 1]),
    label=np.array([0, 2, 1]),
    count=np.array([1.0, 2.0, 1.0]),
    who=pd.MultiIndex.from_tuples(WHO),
    options=np.array([3, 2]),
)
ONCE = np.ones(2)


def table(**learned) -> pd.DataFrame:
    """`<annotator>_<task>=expertise`."""
    names = [name.split("_") for name in learned]
    return pd.DataFrame(
        {
            "annotator": [annotator for annotator, _ in names],
            "task": [task for _, task in names],
            "expertise": list(learned.values()),
        }
    )


def test_without_annotators_it_is_the_nll_of_the_labels():
    expected = -(np.log(0.7) + 2 * np.log(0.1) + np.log(FLOOR)) / 4
    assert score(P, LABELS, None)(ONCE) == pytest.approx(expected)


def test_with_annotators_it_is_that_of_the_mixture():
    found = score(P, LABELS, table(ann_t=0.8, bob_t=0.25))(ONCE)
    q = [0.8 * 0.7 + 0.2 / 3, 0.25 * 0.1 + 0.75 / 3, 0.8 * 0 + 0.2 / 2]
    assert found == pytest.approx(-(np.log(q[0]) + 2 * np.log(q[1]) + np.log(q[2])) / 4)


def test_a_guesser_costs_as_a_guess_does_whatever_the_model_says():
    found = score(P, LABELS, table(ann_t=-0.5, bob_t=0.0))(np.array([1.0, 0.0]))
    assert found == pytest.approx(np.log(3))


def test_expertise_falls_back_from_task_to_all_to_everyone():
    who = pd.MultiIndex.from_tuples([("ann", "t"), ("ann", "u"), ("bob", "t"), (None, "t")])
    found = expertise(table(ann_t=0.9, ann_all=0.5, bob_all=0.2, cat_all=1.4), who)
    assert found == pytest.approx([0.9, 0.5, 0.2, (0.9 + 0.5 + 0.2 + 1.0) / 4])


@given(st.lists(st.integers(0, 3), min_size=2, max_size=2).filter(any))
def test_all_labels_of_an_item_count_together(weights):
    value = score(P, LABELS, None)
    rows = np.repeat(LABELS.item, LABELS.count.astype(int))
    losses = -np.log(np.maximum(P[LABELS.item, LABELS.label], FLOOR))
    losses = np.repeat(losses, LABELS.count.astype(int))
    counted = np.array(weights)[rows]
    assert value(np.array([weights], float))[0] == pytest.approx(
        (counted * losses).sum() / counted.sum()
    )
