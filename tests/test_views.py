import pandas as pd
import pytest

from annobench.views import check

ITEMS = pd.DataFrame(
    {"item": ["p", "q"], "prompt": ["which ?", "how many ?"], "options": [["red", "blue"], []]},
    index=[7, 3],
)
NAN = float("nan")


def asking(answer, probabilities=(None, None)):
    """A way to ask that gives these answers, and the questions that it was asked."""
    questions = []

    def ask(asked):
        questions.extend(asked)
        columns = {"answer": pd.array(answer, "Int64"), "probabilities": probabilities}
        return pd.DataFrame({"item": [question.item for question in asked]} | columns)

    return ask, questions


def test_a_label_is_suspect_by_the_probability_that_it_is_wrong():
    ask, questions = asking([0, 1], [[0.75, 0.25], [0.4, 0.6]])
    found = check(ask, ITEMS, ["blue", "4"])
    assert found.to_dict("list") == {
        "item": ["p", "q"],
        "suspicion": [0.25, 0.6],
        "noisy": [False, True],
    }
    assert [question.options for question in questions] == [("no", "yes")] * 2
    assert questions[0].hints == (
        "Possible answers: red; blue\nGiven answer: blue\nIs the given answer wrong?"
    )
    assert questions[1].hints == "Given answer: 4\nIs the given answer wrong?"


def test_what_was_said_is_a_suspicion_of_one_or_nothing():
    found = check(asking([1, None])[0], ITEMS, ["blue", "4"])
    assert found["suspicion"].tolist() == pytest.approx([1, NAN], nan_ok=True)
    assert found["noisy"].tolist() == [True, True]


def test_the_agent_sees_what_others_answered():
    ask, questions = asking([0, 0])
    check(ask, ITEMS, ["blue", "4"], ["red", None], ["blue", "five"])
    assert [question.hints.split("\n")[-3:-1] for question in questions] == [
        ["Another answer: red", "An answer after some thought: blue"],
        ["Another answer: no answer", "An answer after some thought: five"],
    ]
    ask, questions = asking([0, 0])
    check(ask, ITEMS, ["blue", "4"], reasoning=["red", "five"])
    assert "Another" not in questions[0].hints
    assert "An answer after some thought: red" in questions[0].hints
