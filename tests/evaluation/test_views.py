import pandas as pd

from annobench.evaluation.views import measure

ITEMS = pd.DataFrame(
    {
        "item": list("abcd"),
        "gold": pd.array([0, 1, None, None], "Int64"),
        "answers": [None, None, None, ["4", "four"]],
    }
)


def view(answer, text):
    return pd.DataFrame({"item": list("abcd"), "answer": pd.array(answer, "Int64"), "text": text})


def test_accuracy_is_over_the_answers_that_could_be_read_and_judged():
    """a is right, b unread, of c nobody knows, d is right in other words."""
    found = measure("d", "m", "base", view([0, None, 1, None], [None, None, None, "Four"]), ITEMS)
    assert found == {
        "dataset": "d", "model": "m", "view": "base",
        "items": 4, "failures": 1, "judged": 2, "accuracy": 1.0,
    }  # fmt: skip


def test_nothing_read_has_no_accuracy():
    found = measure("d", "m", "base", view([None] * 4, [None] * 4), ITEMS)
    assert (found["failures"], found["judged"], found["accuracy"]) == (4, 0, None)
