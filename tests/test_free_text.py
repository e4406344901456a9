"""The cases that DROP's authors test their own evaluation with, and what holds for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench.free_text import SEPARATOR, exact_match, f1, fold, holds, same

SIX = ["the", "fat", "cat", "the fat", "fat cat", "the fat cat"]
TEXTS = st.text("ab1.5-; '$the", max_size=20)


@pytest.mark.parametrize(
    ("said", "gold", "exact", "overlap"),
    [
        (["78"], ["78.0"], 1, 1),
        (["12"], ["  1.2e1  "], 1, 1),
        (["1,000 men"], ["1000 men"], 1, 1),
        (["SK Singh"], ["S.K. Singh"], 1, 1),
        (["td"], ["td", "td"], 0, 0.5),
        (["td", "td"], ["td"], 0, 0.5),
        (SIX, ["cat"], 0, 0.17),
        (["cat"], SIX, 0, 0.17),
        (SIX, ["cat", "cat dog"], 0, 0.25),
        (["td"], ["the td"], 1, 1),
        (["the a NOT an ARTICLE the an a"], ["NOT ARTICLE"], 1, 1),
        (["John Elton"], ["Elton John"], 0, 1),
        (["Per.i.o.d...."], [".P....e.r,,i;;;o...d,,"], 1, 1),
        (["Spa     c  e   s     "], ["    Spa c     e s"], 1, 1),
        (["78-yard"], ["78 yard"], 1, 1),
        (["78"], ["78-yard"], 0, 0.67),
        (["78-yard"], ["78"], 0, 0.67),
        (["Green bay", "packers"], ["packers", "Green bay"], 1, 1),
        ([""], ["army"], 0, 0),
        (["packers"], ["Green bay packers"], 0, 0.5),
        (["packers"], ["Green bay"], 0, 0),
        (["yard"], ["36 yard td"], 0, 0),
        (["23 yards"], ["43 yards"], 0, 0),
        (["56 yards"], ["56 yd"], 0, 0.5),
        (["26"], ["26 yard td"], 0, 0.5),
        (
            ["78-yard", "56", "28", "40", "44", "touchdown"],
            ["78-yard", "56 yard", "1 yard touchdown"],
            0,
            0.28,
        ),
        (["23", "23 yard"], ["23-yard", "56 yards"], 0, 0.5),
        (["John Karman", "Joe Hardy"], ["Joe Karman", "John Hardy"], 0, 0.5),
        (["ottoman", "Kantakouzenous"], ["ottoman", "army of Kantakouzenous"], 0, 0.75),
        (["a"], ["a", "b"], 0, 0.5),
        (["b"], ["b", "a"], 0, 0.5),
    ],
)
def test_the_authors_own_cases(said, gold, exact, overlap):
    text, answer = SEPARATOR.join(said), SEPARATOR.join(gold)
    assert exact_match(text, [answer]) == exact
    assert f1(text, [answer]) == overlap


def test_the_best_accepted_answer_counts():
    assert exact_match("17 August", ["31", "17 August"])
    assert f1("span1", [f"span1{SEPARATOR}span2", "span2"]) == 0.5
    assert not exact_match("17", [])
    assert f1("17", []) == 0


@given(a=TEXTS, b=TEXTS)
def test_the_same_texts_overlap_fully(a, b):
    assert same(a, a)
    assert same(a, b) == same(b, a)
    if same(a, b):
        assert f1(a, [b]) == 1


@given(a=TEXTS, b=TEXTS, c=TEXTS)
def test_one_more_accepted_answer_never_hurts(a, b, c):
    assert f1(a, [b]) <= f1(a, [b, c]) <= 1
    assert exact_match(a, [b]) <= exact_match(a, [b, c])


@given(spans=st.lists(TEXTS, min_size=1, max_size=4), data=st.data())
def test_the_order_of_spans_does_not_count(spans, data):
    shuffled = data.draw(st.permutations(spans))
    assert f1(SEPARATOR.join(shuffled), [SEPARATOR.join(spans)]) == 1


@pytest.mark.parametrize(
    ("text", "answer", "held"),
    [
        ("The capital is Paris.", "Paris", True),
        ("PARIS", "Paris", True),
        ("Parisian", "Paris", False),
        ("Comparis", "Paris", False),
        ("Paris-Nord", "Paris", True),
        ("'Paris'", "Paris", True),
        ("in_Paris_", "Paris", False),
        ("It is San Jose", "San José", True),
        ("Bogotá!", "Bogota", True),
        ("Straße", "STRASSE", True),
        ("It is Washington, D.C.", "Washington, D.C.", True),
        ("It is Washington, DxCx", "Washington, D.C.", False),
        ("South of America", "South America", False),
        ("", "Paris", False),
    ],
)
def test_a_text_holds_an_answer_as_words_of_its_own(text, answer, held):
    assert holds(text, [answer]) is held
    assert holds(text, ["Berlin", answer]) is held
    assert not holds(text, [])


@given(TEXTS, st.text("éÀßıİñx ", max_size=10))  # noqa: RUF001
def test_a_text_holds_itself_between_other_words(text, other):
    assert holds(f"{other} {text} {other}", [text])
    assert fold(fold(text + other)) == fold(text + other)
