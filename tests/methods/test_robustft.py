"""RobustFT on six items, worked by hand: which are clean, what becomes of the others."""

import pandas as pd
import pytest
from pydantic import ValidationError

from annobench.methods import Given, robustft
from annobench.methods.robustft import Settings
from annobench.views import CONTEXT, REVIEW

ITEMS = list("abcdef")
OPTIONS = ["red", "green", "blue"]
LABELS = [0, 0, 0, 1, 1, 1]
BASE = [0, 0, 0, 1, 2, 2]
REASONING = [0, 0, 1, 2, 2, 0]
# a and b are clean; of c the reasoning is another, of d too; e and f are wrong twice.
NLL = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
P = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
CLEAN = "clean"
CHANGED, DROPPED = "relabelled", "relabelled, not selected"


@pytest.fixture
def items():
    return pd.DataFrame(
        {
            "item": ITEMS,
            "task": "colour",
            "split": "train",
            "prompt": [f"{name} ?" for name in ITEMS],
            "options": [OPTIONS] * 6,
            "gold": pd.array([0] * 6, dtype="Int64"),
        }
    )


@pytest.fixture
def given(items, one_each, view):
    """given(model): vectors on a line, so that b is nearer to c ... f than a is."""

    def make(model, base=BASE, reasoning=REASONING, **labels):
        said = {"base": base, "reasoning": reasoning}
        return Given(
            items,
            one_each(**(labels or dict(zip(ITEMS, LABELS, strict=True)))),
            views={
                name: view(found, [P[0 if a is None else a] for a in found], NLL, ITEMS)
                for name, found in said.items()
            },
            embeddings=pd.DataFrame(
                {0: [1.0, 0.9, 0.6, 0.5, 0.3, 0.1], 1: [0, 0.44, 0.8, 0.87, 0.95, 0.99]}, ITEMS
            ),
            model=model,
        )

    return make


def rows(found):
    """item -> label or None where it is not kept, and reason."""
    return {
        row.item: (list(row.distribution).index(1) if row.kept else None, row.reason)
        for row in found.itertuples()
    }


def test_clean_items_keep_their_label_and_the_sure_half_of_the_others_gets_a_new_one(
    given, answers, view
):
    context = view([0, 1, 2, 2], nll=[0.5, 0.1, 0.9, 0.2])
    review = view([0, 1, 2, 0])
    model = answers([context, review])
    found = robustft.targets(given(model), Settings())
    assert rows(found) == {
        "a": (0, CLEAN),
        "b": (0, CLEAN),
        "c": (None, DROPPED),
        "d": (1, CHANGED),
        "e": (None, DROPPED),
        "f": (0, CHANGED),
    }
    assert found["nll"].tolist()[2:] == [0.5, 0.1, 0.9, 0.2]
    assert found["nll"].isna().tolist() == [True, True, False, False, False, False]
    # 1 - p(label), the mean of both views: c has 0.6 by the base answer, 0.2 by the other.
    doubts = [0.4, 0.4, (0.4 + 0.8) / 2, (0.5 + 0.9) / 2, 0.9, (0.9 + 0.7) / 2]
    assert found["suspicion"].tolist() == pytest.approx(doubts)


def test_what_the_model_is_asked(given, answers, view):
    model = answers([view([0, 1, 2, 2], nll=[0.5, 0.1, 0.9, 0.2]), view([0, 1, 2, 0])])
    robustft.targets(given(model), Settings(confident=1))
    (context, _), (review, backend) = model.asked
    assert backend == "score"
    assert [q.item for q in context] == [q.item for q in review] == list("cdef")
    assert {q.instruction for q in context} == {CONTEXT}
    assert [(e.prompt, e.answer) for e in context[0].examples] == [("a ?", "red"), ("b ?", "red")]
    assert {q.instruction for q in review} == {REVIEW}
    assert "similar questions: red" in review[0].hints
    assert review[0].hints.endswith("thought it through: green")


def test_only_the_surest_clean_items_are_neighbours(given, answers, view):
    model = answers([view([0] * 4, nll=[1.0] * 4), view([0] * 4)])
    robustft.targets(given(model), Settings(confident=0.5))
    assert [[e.prompt for e in q.examples] for q in model.asked[0][0]] == [["a ?"]] * 4


def test_k_above_the_number_of_clean_items_uses_what_there_is_and_says_so(
    given, answers, view, caplog
):
    model = answers([view([0] * 4, nll=[1.0] * 4), view([0] * 4)])
    robustft.targets(given(model), Settings(k=5, confident=1))
    assert "k: found 5; only 2 labelled items can be shown" in caplog.text


@pytest.mark.parametrize(
    ("settings", "asked", "kept"),
    [
        ({"beta": 1.0}, 2, {"c": 2, "d": 2, "e": 2, "f": 2}),
        ({"beta": 0.25}, 2, {"d": 2}),
        ({"reviewer": False}, 1, {"d": 1, "f": 1}),
        ({"context": False}, 0, {"c": 1, "d": 2}),  # the reasoning answer, by its own NLL
        ({"reasoning": False}, 1, {"e": 1}),  # by the base answer c and d are clean, too
    ],
    ids=str,
)
def test_ablations(given, answers, view, settings, asked, kept):
    noisy = 2 if settings == {"reasoning": False} else 4
    context = view([1] * noisy, nll=[0.5, 0.6] if noisy == 2 else [0.5, 0.1, 0.9, 0.2])
    model = answers([context, view([2] * noisy)])
    found = robustft.targets(given(model), Settings(**settings))
    assert len(model.asked) == asked
    relabelled = {item: label for item, (label, why) in rows(found).items() if why == CHANGED}
    assert relabelled == kept


def test_without_a_checker_every_item_is_relabelled_after_any_other(given, answers, view):
    model = answers([view([1] * 6, nll=NLL), view([2] * 6)])
    found = robustft.targets(given(model), Settings(checker=None, confident=1, k=6))
    assert rows(found) == dict.fromkeys("abc", (2, CHANGED)) | dict.fromkeys("def", (None, DROPPED))
    for question in model.asked[0][0]:
        shown = [example.prompt for example in question.examples]
        assert sorted([*shown, question.prompt]) == [f"{name} ?" for name in ITEMS]


def test_the_model_as_checker(given, answers, view):
    verdicts = view([0, 1, 1, 1, 1, 0], [[0.8, 0.2]] + [[0.3, 0.7]] * 4 + [[0.6, 0.4]])
    model = answers([verdicts, view([0] * 4, nll=[1.0, 2, 3, 4]), view([0] * 4)])
    found = robustft.targets(given(model), Settings(checker="agent"))
    assert [row[1] for row in rows(found).values()] == [
        CLEAN,
        *[CHANGED] * 2,
        *[DROPPED] * 2,
        CLEAN,
    ]
    assert found["suspicion"].tolist() == [0.2, 0.7, 0.7, 0.7, 0.7, 0.4]
    assert "Another answer: blue" in model.asked[0][0][4].prompt


def test_no_clean_item_is_a_reason_to_fail(given, answers):
    with pytest.raises(ValueError, match="the checker finds none of 6 items clean"):
        robustft.targets(given(answers(), base=[2] * 6), Settings())


def test_all_clean_asks_nothing_of_nobody(given, answers, view):
    model = answers([view([]), view([])])
    found = robustft.targets(given(model, base=LABELS, reasoning=LABELS), Settings())
    assert found["kept"].all()
    assert all(not questions for questions, _ in model.asked)


def test_what_cannot_be_read_is_neither_clean_nor_kept(given, answers, view):
    """An empty generation of a: not clean, but relabelled; of c: dropped, whatever its NLL."""
    context = view([0, None, 1, 2, 2], nll=[0.3, 0.1, 0.2, 0.4, 0.5])
    model = answers([context, view([0, None, 1, 2, 2])])
    found = robustft.targets(given(model, base=[None, *BASE[1:]]), Settings(beta=0.5))
    assert rows(found)["a"] == (0, CHANGED)
    assert rows(found)["c"] == (None, "no answer")
    assert rows(found)["d"] == (1, CHANGED)


def test_free_text(texts, answers, view, written):
    items, labels = texts
    said = {
        "base": view([None] * 3, nll=[0.1, 0.2, 0.3], items=list("rst"), text=["4.0", "Cy", None]),
        "reasoning": view([None] * 3, items=list("rst"), text=["4", "Bob", "May 2"]),
    }
    context = view([None] * 2, nll=[0.2, 0.1], text=["Ann", None])
    model = answers([context, view([None] * 2, text=["Ann", None])])
    vectors = pd.DataFrame({0: [1.0, 0.6, 0.0], 1: [0, 0.8, 1.0]}, list("rst"))
    given = Given(items, labels, views=said, embeddings=vectors, model=model)
    found = written(robustft.targets(given, Settings()))
    assert found["text"].where(found["kept"]).tolist()[:2] == ["4", "Ann"]
    assert found["reason"].tolist() == [CLEAN, CHANGED, "no answer"]
    assert found["suspicion"].tolist() == [0, 0.5, 0.5]
    assert model.asked[0][0][0].examples[0].answer == "4"


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta": 0},
        {"beta": 1.1},
        {"k": 0},
        {"confident": 0},
        {"context": False, "reasoning": False},
    ],
    ids=str,
)
def test_what_is_refused(wrong):
    with pytest.raises(ValidationError):
        Settings(**wrong)
