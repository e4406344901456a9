import pytest

from annobench.methods import Given, self_select
from annobench.training.rows import rows_of

NAN = float("nan")


@pytest.fixture
def judged(few, one_each, answers, view):
    """judged(settings, *verdicts): x is labelled c, y no, z a."""

    def make(settings, *said):
        model = answers([view(*said)])
        given = Given(few, one_each(z=0, x=2, y=1), model=model)
        return model, self_select.targets(given, settings)

    return make


def test_labels_that_are_not_called_wrong_are_kept(judged, written):
    p = [[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]]
    model, found = judged(self_select.Settings(), [0, 1, 0], p)
    found = written(found)
    assert found["item"].tolist() == ["x", "y", "z"]
    assert found["kept"].tolist() == [True, False, True]
    assert found["suspicion"].tolist() == [0.1, 0.7, 0.5]
    assert found["reason"].tolist() == ["judged right", "judged wrong", "judged right"]
    assert [list(p) for p in found["distribution"]] == [[0, 0, 1, 0], [0, 1], [1, 0, 0]]
    ((questions, backend),) = model.asked
    assert backend == "score"
    assert [q.prompt.split("\n")[0] for q in questions] == ["first ?", "second ?", "third ?"]
    assert {q.options for q in questions} == {("no", "yes")}
    judged = [q.prompt.split("\n")[2] for q in questions]
    assert judged == ["Given answer: c", "Given answer: no", "Given answer: a"]


def test_a_verdict_that_cannot_be_read_drops_its_label(judged):
    model, found = judged(self_select.Settings(backend="generate"), [0, None, 1])
    assert model.asked[0][1] == "generate"
    assert found["kept"].tolist() == [True, False, False]
    assert found["suspicion"].tolist() == pytest.approx([0, NAN, 1], nan_ok=True)
    assert found["reason"].tolist() == ["judged right", "no verdict", "judged wrong"]


def test_no_label_kept_says_so(few, judged):
    _, found = judged(self_select.Settings(backend="generate"), [1, 1, 1])
    with pytest.raises(ValueError, match="none of 3 target rows is kept: nothing to learn from"):
        rows_of(found, few, [], ["any"])


def test_free_text(texts, answers, view, written):
    items, labels = texts
    model = answers([view([0, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])])
    found = written(self_select.targets(Given(items, labels, model=model), self_select.Settings()))
    assert found["text"].tolist() == ["4", "Bob", "May 2"]
    assert found["kept"].tolist() == [True, False, True]
    assert model.asked[0][0][1].prompt == "who ?\nGiven answer: Bob\nIs the given answer wrong?"


def test_each_label_of_an_item_is_judged(few, labels, answers, view):
    """By annotator: ann says c of x and no of y, bob d and yes, cat c."""
    model = answers([view([0, 1, 0, 1, 0], [[0.6, 0.4]] * 5)])
    found = self_select.targets(Given(few, labels, model=model), self_select.Settings())
    assert found["annotator"].tolist() == ["ann", "bob", "cat", "ann", "bob"]
    assert found["item"].tolist() == ["x", "x", "x", "y", "y"]
    assert found["kept"].tolist() == [True, False, True, False, True]
    assert [q.prompt.split("\n")[2] for q in model.asked[0][0]] == [
        f"Given answer: {word}" for word in ("c", "d", "c", "no", "yes")
    ]
