import pytest

from annobench.methods import Given, majority


def test_the_vote_and_a_tie(few, labels, as_dicts):
    assert as_dicts(majority.targets(Given(few, labels), majority.Settings())) == [
        {"item": "x", "annotator": None, "distribution": [0, 0, 1, 0], "reason": "majority vote"},
        {"item": "y", "annotator": None, "distribution": [0.5, 0.5], "reason": "majority vote"},
    ]


def test_expertise_is_agreement_with_the_vote(few, labels):
    """ann: right on x, half right on y, which is chance; bob: wrong on x, -1/3, and chance."""
    targets = majority.targets(Given(few, labels), majority.Settings())
    found = majority.expertise(Given(few, labels), targets, {}, majority.Settings())
    assert found.to_dict() == pytest.approx({"ann": 0.5, "bob": -1 / 6, "cat": 1})
    unsigned = labels.assign(annotator=None)
    assert majority.expertise(Given(few, unsigned), targets, {}, majority.Settings()) is None
