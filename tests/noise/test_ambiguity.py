import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench import seeds
from annobench.errors import AnnobenchError
from annobench.noise import ambiguity
from annobench.noise.ambiguity import Settings


def items(*distributions, copies=1):
    n = len(distributions) * copies
    return pd.DataFrame(
        {
            "item": [f"q{number}" for number in range(n)],
            "task": "t",
            "split": "train",
            "options": [list("abcd")[: len(p)] for p in distributions] * copies,
            "gold": pd.array([None] * n, "Int64"),
            "distribution": list(distributions) * copies,
        }
    )


def annotate(frame, **keys):
    return ambiguity.annotate(frame, None, Settings(**keys), seeds.generator("test"))


def test_label_accuracy():
    e = np.array([0.0, 0.5, 1.0])
    # majority shares 0.6 and 0.8 of 2 and 4 options: guesses are right 3/8 of the time
    found = ambiguity.label_accuracy(e, np.array([2, 4]), np.array([0.6, 0.8]))
    assert found.tolist() == pytest.approx([0.375, 0.5375, 0.7])


@pytest.mark.parametrize("e", [0.0, 0.6, 1.0])
def test_labels_are_peoples_or_guesses(e):
    """Of an item where two options tie, so that it has no gold label."""
    found, truth = annotate(items([0.4, 0.4, 0.2, 0.0], copies=20_000), ladder=[e],
                            labels_per_item=1)  # fmt: skip
    expected = e * np.array([0.4, 0.4, 0.2, 0]) + (1 - e) / 4
    counts = np.bincount(found["label"], minlength=4)
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert (abs(counts / 20_000 - expected) <= 4 * error).all()
    assert truth["accuracy"].tolist() == pytest.approx([0.4 * e + (1 - e) / 4])


def test_options_of_unequal_number():
    frame = items([0.0, 1.0], [0.0, 0.0, 1.0], [1.0])
    found, truth = annotate(frame, ladder=[1.0], labels_per_item=1)
    assert found["label"].tolist() == [1, 2, 0]
    assert truth["accuracy"].tolist() == [1.0]


@given(
    weights=st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any),
    u=st.floats(0, 1, exclude_max=True),
)
def test_no_option_without_a_share_is_drawn(weights, u):
    p = np.array([weights]) / sum(weights)
    label = ambiguity.drawn(p, np.array([[u]])).item()
    assert weights[label] > 0


@pytest.mark.parametrize("hole", [{"distribution": None}, {"options": [[]]}])
def test_an_item_without_a_distribution(hole):
    with pytest.raises(AnnobenchError, match="item 'q0': found no options or no distribution; all"):
        annotate(items([0.5, 0.5]).assign(**hole))


def test_test_items_need_none_and_no_items_are_no_error():
    frame = items([0.5, 0.5]).assign(split="test", distribution=None)
    found, truth = annotate(frame)
    assert len(found) == len(truth) == 0
