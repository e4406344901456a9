import pandas as pd
import pytest

from annobench.views import (
    REASON,
    REFLECT,
    REVIEW,
    answers,
    base,
    check,
    doubt,
    of_items,
    reasoning,
    review,
    says,
)

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
    assert questions[0].prompt == (
        "which ?\nPossible answers: red; blue\nGiven answer: blue\nIs the given answer wrong?"
    )
    assert questions[1].prompt == "how many ?\nGiven answer: 4\nIs the given answer wrong?"


def test_what_was_said_is_a_suspicion_of_one_or_nothing():
    found = check(asking([1, None])[0], ITEMS, ["blue", "4"])
    assert found["suspicion"].tolist() == pytest.approx([1, NAN], nan_ok=True)
    assert found["noisy"].tolist() == [True, True]


def test_the_agent_sees_what_others_answered():
    ask, questions = asking([0, 0])
    check(ask, ITEMS, ["blue", "4"], ["red", None], ["blue", "five"])
    assert [question.prompt.split("\n")[-3:-1] for question in questions] == [
        ["Another answer: red", "An answer after some thought: blue"],
        ["Another answer: no answer", "An answer after some thought: five"],
    ]
    ask, questions = asking([0, 0])
    check(ask, ITEMS, ["blue", "4"], reasoning=["red", "five"])
    assert "Another" not in questions[0].prompt
    assert "An answer after some thought: red" in questions[0].prompt


def scripted(*views):
    """A way to ask that gives these columns, one call after another, and what it was asked."""
    calls = []

    def ask(asked):
        columns = {"answer": None, "text": None, "said": None, "nll": 1.0} | views[len(calls)]
        calls.append(asked)
        frame = pd.DataFrame({"item": [question.item for question in asked]} | columns)
        return frame.astype({"answer": "Int64"})

    return ask, calls


def test_the_base_view_is_the_plain_question():
    ask, calls = scripted({"answer": [1, None], "text": [None, "4"]})
    assert answers(ITEMS, base(ask, ITEMS)) == ["blue", "4"]
    assert [(q.item, q.prompt, q.options) for q in calls[0]] == [
        ("p", "which ?", ("red", "blue")),
        ("q", "how many ?", ()),
    ]
    assert all(not (q.instruction or q.examples or q.hints) for q in calls[0])


def test_reasoning_reflects_until_the_answer_stays():
    """p changes its mind once and is asked a third time; q is done after its first reflection."""
    ask, calls = scripted(
        {"answer": [0, None], "text": [None, "4"]},
        {"answer": [1, None], "text": [None, "4"], "nll": [0.5, 0.7]},
        {"answer": [1], "nll": [0.2]},
    )
    found = reasoning(ask, ITEMS, reflections=4)
    assert answers(ITEMS, found) == ["blue", "4"]
    assert found["nll"].tolist() == [0.2, 0.7]
    assert found["item"].tolist() == ["p", "q"]
    assert [[q.item for q in asked] for asked in calls] == [["p", "q"], ["p", "q"], ["p"]]
    assert [asked[0].instruction for asked in calls] == [REASON, REFLECT, REFLECT]
    assert [asked[0].hints for asked in calls] == [
        "", "Proposed answer: red", "Proposed answer: blue"
    ]  # fmt: skip


def test_what_was_said_is_read_again_and_no_reflection_is_none():
    ask, calls = scripted({"answer": [0, None], "said": [" I think red. ", "no idea"]}, {
        "answer": [0, None], "said": ["red", "still none"]})  # fmt: skip
    found = reasoning(ask, ITEMS, reflections=1)
    assert calls[1][0].hints == "Thoughts so far: I think red."
    assert answers(ITEMS, found) == ["red", None]
    ask, calls = scripted({"answer": [0]})
    reasoning(ask, ITEMS.iloc[:1], reflections=0)
    assert len(calls) == 1


def test_the_reviewer_sees_both_answers():
    seen = pd.DataFrame({"answer": pd.array([0, None], "Int64"), "text": [None, "4"]})
    thought = pd.DataFrame({"answer": pd.array([1, None], "Int64"), "text": [None, None]})
    ask, calls = scripted({"answer": [1, None]})
    review(ask, ITEMS, seen, thought)
    assert calls[0][0].instruction == REVIEW
    assert calls[0][0].hints == (
        "Expert who saw similar questions: red\nExpert who thought it through: blue"
    )
    assert calls[0][1].hints.endswith(
        "similar questions: 4\nExpert who thought it through: no answer"
    )


def test_a_view_agrees_with_a_label_in_words_and_doubts_it_by_its_probability():
    view = pd.DataFrame(
        {
            "item": ["q", "p"],
            "answer": pd.array([None, 1], "Int64"),
            "text": ["The 4", None],
            "probabilities": [None, [0.3, 0.7]],
        }
    )
    view = of_items(view, ITEMS)
    assert view.index.tolist() == [7, 3]
    labels = pd.Series(["blue", "4"], [7, 3])
    assert says(ITEMS, view, labels).tolist() == [True, True]
    assert doubt(ITEMS, view, labels).tolist() == pytest.approx([0.3, 0.0])
    assert doubt(ITEMS, view, pd.Series(["red", "5"], [7, 3])).tolist() == pytest.approx([0.7, 1.0])
    unread = view.assign(text=None)
    assert says(ITEMS, unread, labels).tolist() == [True, False]
