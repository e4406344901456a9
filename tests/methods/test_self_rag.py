import logging

import numpy as np
import pandas as pd
import pytest

from annobench.methods import Given, self_rag
from annobench.questions import Example


def towards(*degrees):
    """Unit vectors [n, 2] at these angles."""
    angle = np.radians(degrees)
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.fixture
def told(few, one_each, answers, view):
    """told(annotations): p lies near z and then x, q near y and then x."""
    unseen = few.iloc[:2].assign(item=["p", "q"], split="test", prompt=["fourth ?", "fifth ?"])
    vectors = pd.DataFrame(towards(0, 90, -30, -20, 60), index=["x", "y", "z", "p", "q"])
    said = view([1, 0], [[0.1, 0.7, 0.1, 0.1], [0.8, 0.2]])

    def make(annotations):
        return Given(few, annotations, unseen=unseen, embeddings=vectors, model=answers([said]))

    return make


def test_the_nearest_labels_are_shown_the_nearest_last(told, one_each):
    given = told(one_each(x=3, y=1, z=0))
    found = self_rag.predictions(given, self_rag.Settings(k=2))
    assert found["item"].tolist() == ["p", "q"]
    assert found["probabilities"].tolist() == [[0.1, 0.7, 0.1, 0.1], [0.8, 0.2]]
    ((questions, backend),) = given.model.asked
    assert backend == "score"
    x = Example("first ?", ("a", "b", "c", "d"), "d")
    y = Example("second ?", ("yes", "no"), "no")
    z = Example("third ?", ("a", "b", "c"), "a")
    assert [q.examples for q in questions] == [(x, z), (x, y)]
    assert [q.prompt for q in questions] == ["fourth ?", "fifth ?"]
    assert questions[0].options == ("a", "b", "c", "d")


def test_items_without_a_label_are_not_shown(told, one_each, caplog):
    given = told(one_each(x=3, y=1))
    with caplog.at_level(logging.WARNING):
        self_rag.predictions(given, self_rag.Settings())
    prompts = [[shown.prompt for shown in q.examples] for q in given.model.asked[0][0]]
    assert prompts == [["second ?", "first ?"], ["first ?", "second ?"]]
    assert "k: found 3; only 2 labelled items can be shown" in caplog.text


def test_one_label_of_an_item_is_shown(told, labels):
    given = told(labels)
    self_rag.predictions(given, self_rag.Settings(k=2))
    shown = [[example.answer for example in q.examples] for q in given.model.asked[0][0]]
    assert shown == [["no", "c"], ["c", "no"]]


def test_no_label_says_so(told, one_each):
    with pytest.raises(ValueError, match="no labelled item to show"):
        self_rag.predictions(told(one_each()), self_rag.Settings())


def test_nothing_is_trained(told, one_each):
    assert not self_rag.NEEDS.training
    assert self_rag.targets(told(one_each(x=1)), self_rag.Settings()).empty
