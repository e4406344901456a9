import pytest

from annobench.methods import Given, self_label


@pytest.fixture
def told(few, view):
    """x: c, less sure; y: nothing; z: a, surer. The view has all items, in another order."""
    seen = view(
        [0, 1, None, 2], nll=[0.1, 0.05, float("nan"), 0.5], items=["z", "a test item", "y", "x"]
    )
    return Given(few, views={"base": seen})


def test_the_answer_is_the_target(told, as_dicts, written):
    found = written(self_label.targets(told, self_label.Settings()))
    assert found["item"].tolist() == ["x", "y", "z"]
    assert [list(p) for p in found["distribution"]] == [[0, 0, 1, 0], [0.5, 0.5], [1, 0, 0]]
    assert found["kept"].tolist() == [True, False, True]
    assert found["reason"].tolist() == ["own answer", "no answer", "own answer"]
    assert found["nll"].tolist() == pytest.approx([0.5, float("nan"), 0.1], nan_ok=True)
    assert found["suspicion"].isna().all()


def test_half_of_the_answers_are_those_of_the_smallest_nll(told):
    found = self_label.targets(told, self_label.Settings(select=0.5))
    assert found["kept"].tolist() == [False, False, True]
    assert found["reason"].tolist() == ["not selected", "no answer", "own answer"]


def test_generated_answers_are_those_of_their_own_view(few, told, view):
    settings = self_label.Settings(backend="generate")
    assert self_label.views(settings) == ("base-generated",)
    assert self_label.views(self_label.Settings()) == ("base",)
    both = told.views | {"base-generated": view([3, 0, 2], nll=[1, 2, 3], items=["x", "y", "z"])}
    found = self_label.targets(Given(few, views=both), settings)
    assert [list(p) for p in found["distribution"]] == [[0, 0, 0, 1], [1, 0], [0, 0, 1]]


def test_free_text(texts, view, written):
    items, _ = texts
    seen = view([None] * 3, nll=[1, 2, 3], items=["r", "s", "t"], text=["5", None, "May 1"])
    given = Given(items, views={"base": seen})
    found = written(self_label.targets(given, self_label.Settings()))
    assert found["kept"].tolist() == [True, False, True]
    assert found["text"].fillna("").tolist() == ["5", "", "May 1"]
    assert [list(p) for p in found["distribution"]] == [[1]] * 3


def test_it_needs_no_annotations_but_training():
    assert not self_label.NEEDS.annotations
    assert self_label.NEEDS.training


@pytest.mark.parametrize("share", [0, 1.1])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match="select"):
        self_label.Settings(select=share)
