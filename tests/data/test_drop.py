from collections import Counter

import pytest

from annobench import hub
from annobench.data import drop
from annobench.errors import AnnobenchError


def question(spans, types, split="train"):
    values = {
        "section_id": "nfl_1",
        "query_id": "q",
        "passage": " It rained. ",
        "question": "Did it rain?",
        "answers_spans": {"spans": spans, "types": types},
    }
    return drop._question(hub.Row(values, f"{split}-3", f"data set 'mine': split {split!r}: row 3"))


def test_rows_become_items(one):
    found = one(drop, validation=None)
    assert Counter(found["split"]) == {"train": 36, "validation": 4, "test": 10}
    item = found.loc["validation-query-7"]
    assert item["split"] == "test"
    assert item["task"] == "span"
    assert item["prompt"] == "How many validation 7?\nContext: It is validation 7."
    assert item["options"] == []
    assert item["answers"] == ["A; B"]
    assert found["gold"].isna().all()
    tasks = found["task"].groupby(found.index.str.split("-").str[-1].astype(int) % 4).unique()
    assert [list(own) for own in tasks] == [["number"], ["span"], ["date"], ["span"]]


@pytest.mark.parametrize(
    ("spans", "types", "answers"),
    [
        (["3"], ["number"], ["3"]),
        (["17 August 1990"], ["date"], ["17 August 1990"]),
        (["Ada", "Bob"], ["span"] * 2, ["Ada; Bob"]),
        (["Ada", "Ada"], ["span"] * 2, ["Ada; Ada"]),
    ],
)
def test_one_annotators_answer(spans, types, answers):
    found = question(spans, types)
    assert (found.answers, found.task, found.gold) == (answers, types[0], None)


@pytest.mark.parametrize(
    ("spans", "types", "answers", "task"),
    [
        (["2", "3", "3"], ["number"] * 3, ["3", "2"], "number"),
        (["2", "3"], ["number"] * 2, ["2", "3"], "number"),
        (["Ada"] * 3, ["span"] * 3, ["Ada"], "span"),
        (["Ada", "Bob"] * 2, ["span"] * 4, ["Ada; Bob"], "span"),
        (["Ada", "Bob"], ["span"] * 2, ["Ada", "Bob", "Ada; Bob"], "span"),
        (["Ada", "Bob", "Bob"], ["span"] * 3, ["Bob", "Ada", "Ada; Bob"], "span"),
        (["3", "three", "3"], ["number", "span", "number"], ["3", "three"], "number"),
        (["17 May", "May", "May"], ["date", "span", "span"], ["May", "17 May"], "span"),
        (["2", "A", "B", "A", "B"], ["number"] + ["span"] * 4, ["A; B", "2"], "span"),
    ],
)
def test_several_annotators_answers_lie_end_to_end(spans, types, answers, task):
    found = question(spans, types, "validation")
    assert (found.answers, found.task) == (answers, task)


@pytest.mark.parametrize(
    ("spans", "types", "said"),
    [
        ([], [], "allowed: spans that are not empty, with a type for each"),
        (["Ada", " "], ["span"] * 2, "allowed: spans that are not empty"),
        (["Ada", "Bob"], ["span"], "allowed: spans that are not empty, with a type for each"),
        (["Ada", None], ["span"] * 2, "column 'answers_spans.spans': found ['Ada', None]"),
        (["3"], ["count"], "found ['count']; allowed: each one of number, span, date"),
        (["3", "4"], ["number"] * 2, "allowed: one number, one date, or spans"),
        (["3", "Ada"], ["number", "span"], "allowed: one number, one date, or spans"),
    ],
)
def test_a_row_that_is_empty_or_contradicts_itself(spans, types, said):
    with pytest.raises(AnnobenchError) as caught:
        question(spans, types)
    assert said in str(caught.value)
    assert str(caught.value).startswith("data set 'mine': split 'train': row 3: column")
