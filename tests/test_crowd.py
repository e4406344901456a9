import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from annobench import crowd
from annobench.crowd import Crowd


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def items():
    """Two tasks, out of order, and a test item."""
    return pd.DataFrame(
        {
            "item": ["q0", "q1", "q2", "q3"],
            "task": ["b", "a", "b", "c"],
            "split": ["train", "train", "train", "test"],
            "options": [["x", "y"], ["x", "y", "z"], ["x"], ["x"]],
            "gold": pd.array([1, 2, 0, None], dtype="Int64"),
        }
    )


@pytest.mark.parametrize(
    ("ladder", "annotators", "values"),
    [
        ("one-good", 3, (0.99, 0.01, 0.01)),
        ("half-good", 4, (0.99, 0.99, 0.01, 0.01)),
        ("half-good", 5, (0.99, 0.99, 0.99, 0.01, 0.01)),
        ("all-good", 2, (0.99, 0.99)),
        ("linear", 4, (0.05, 0.35, 0.65, 0.95)),
        ("linear", 1, (0.05,)),
    ],
)
def test_ladders(ladder, annotators, values):
    settings = Crowd(ladder=ladder, annotators=annotators, labels_per_item=1)
    assert settings.expertise == pytest.approx(values)


def test_ten_annotators_unless_told_otherwise():
    assert Crowd(ladder="half-good").expertise == (0.99,) * 5 + (0.01,) * 5
    assert Crowd(ladder=[0.2, 0.8, 0.5]).expertise == (0.2, 0.8, 0.5)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"ladder": "half-godo"}, "did you mean 'half-good'?"),
        ({"ladder": [0.5, 1.5]}, "values from 0 to 1"),
        ({"ladder": []}, "values from 0 to 1"),
        ({"annotators": 2}, "labels_per_item: found 3; allowed: at most 2"),
        ({"ladder": [0.1] * 4, "annotators": 5}, "annotators: found 5; allowed: 4"),
        ({"ladder": [0.1] * 4, "annotators": 3}, "annotators: found 3; allowed: 4"),
        ({"labels_per_item": 0}, "labels_per_item"),
        ({"skew": -0.1}, "greater than or equal to 0"),
        ({"skew": 11}, "less than or equal to 10"),
    ],
)
def test_refused_settings_say_what_is_allowed(keys, message):
    with pytest.raises(ValidationError) as caught:
        Crowd(**keys)
    assert message in str(caught.value)


@pytest.mark.parametrize("annotators", [1, 10, 100, 101, 1000])
def test_names_are_wide_enough_to_sort(annotators):
    names = crowd.names(annotators)
    assert names == sorted(set(names))
    assert len(names) == annotators
    assert names[0] in ("a00", "a000")


def test_expertise_is_the_same_in_all_tasks_unless_there_are_specialists(rng):
    ladder = [0.1, 0.5, 0.9]
    same = crowd.expertise_matrix(Crowd(ladder=ladder), 4, rng)
    assert same.tolist() == [[e] * 4 for e in ladder]
    assert rng.random() == np.random.default_rng(0).random()
    special = crowd.expertise_matrix(Crowd(ladder=ladder, specialists=True), 200, rng)
    assert (np.sort(special, axis=0) == np.array(ladder)[:, None]).all()
    # all six orders, each in about 33 of 200 tasks
    orders, counts = np.unique(special, axis=1, return_counts=True)
    assert orders.shape == (3, 6)
    assert np.abs(counts - 200 / 6).max() < 4 * np.sqrt(200 * 1 / 6 * 5 / 6)


def test_training_items_are_dealt_out(items, rng):
    work = crowd.deal(items, Crowd(ladder=[0.1, 0.5, 0.9], labels_per_item=2), rng)
    assert work.item.tolist() == ["q0", "q1", "q2"]
    assert work.gold.tolist() == [1, 2, 0]
    assert work.options.tolist() == [2, 3, 1]
    assert work.tasks == ["a", "b"]
    assert work.task.tolist() == [1, 0, 1]
    assert work.who.shape == (3, 2)
    assert work.expertise.tolist() == [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]
    assert work.expertise_of_labels().tolist() == np.array([0.1, 0.5, 0.9])[work.who].tolist()


def test_expertise_of_a_label_is_that_of_its_task(items, rng):
    work = crowd.deal(items, Crowd(ladder="linear", specialists=True), rng)
    for row, task in enumerate(work.task):
        for place, annotator in enumerate(work.who[row]):
            assert work.expertise_of_labels()[row, place] == work.expertise[annotator, task]


def test_a_rule_is_asked_for_each_task(items, rng):
    work = crowd.deal(items, Crowd(ladder=[0.1, 0.5], labels_per_item=1), rng)
    found = work.by_task(lambda e, of_task: e * work.options[of_task].sum())
    assert found.tolist() == pytest.approx(np.array([[0.3, 0.3], [1.5, 1.5]]))


def test_frames(items, rng):
    work = crowd.deal(items, Crowd(ladder=[0.1, 0.5], labels_per_item=1), rng)
    label = np.array([[0], [2], [0]])
    accuracy = np.array([[0.2, 0.3], [0.4, 0.5]])
    annotations, truth = work.frames(label, accuracy, anonymous=False)
    assert annotations["item"].tolist() == ["q0", "q1", "q2"]
    assert annotations["label"].tolist() == [0, 2, 0]
    assert annotations["annotator"].tolist() == [f"a0{who}" for who in work.who.ravel()]
    assert truth.to_dict("list") == {
        "annotator": ["a00", "a00", "a01", "a01"],
        "task": ["a", "b", "a", "b"],
        "expertise": [0.1, 0.1, 0.5, 0.5],
        "accuracy": [0.2, 0.3, 0.4, 0.5],
    }
    _, other = work.frames(label, accuracy, anonymous=False, expertise=accuracy / 2)
    assert other["expertise"].tolist() == [0.1, 0.15, 0.2, 0.25]


def test_no_training_items(items, rng):
    work = crowd.deal(items[3:], Crowd(), rng)
    annotations, truth = work.frames(work.who, work.by_task(lambda e, of_task: e), anonymous=False)
    assert len(annotations) == len(truth) == 0


def test_zero_shot_probabilities_are_those_of_the_items(items, rng):
    work = crowd.deal(items, Crowd(), rng)
    base = pd.DataFrame(
        {"item": ["q2", "q3", "q1", "q0"], "probabilities": [[1], [1], [0.2, 0.3, 0.5], [0.1, 0.9]]}
    )
    none = -np.inf
    assert crowd.zero_shot(base, work).tolist() == [
        [0.1, 0.9, none],
        [0.2, 0.3, 0.5],
        [1, none, none],
    ]


def test_label_accuracy():
    e = np.array([0.0, 0.5, 1.0])
    luck = np.array([0.5, 0.25])
    assert crowd.label_accuracy(e, luck).tolist() == [0.375, 0.6875, 1]
    # e_i = 0.5 and 0.25: (0.75 + 0.4375) / 2
    known = np.array([1.0, 0.5])
    assert crowd.label_accuracy(e, luck, known)[1] == pytest.approx(0.59375)


@given(e=st.floats(0, 1), options=st.lists(st.integers(1, 9), min_size=1), known=st.floats(0, 1))
def test_label_accuracy_is_a_probability(e, options, known):
    luck = 1 / np.array(options)
    found = crowd.label_accuracy(np.array([e, 1.0]), luck, np.full(len(options), known))
    assert ((found >= 0) & (found <= 1)).all()
    assert crowd.label_accuracy(np.array([1.0]), luck).tolist() == [1.0]
