import pytest

from annobench.methods import Given, label_smoothing, sft
from annobench.training.rows import rows_of


def test_targets_by_hand(few, labels, written):
    """A fifth of the probability goes to all: 0.05 each of four options, 0.1 each of two."""
    settings = label_smoothing.Settings(epsilon=0.2)
    found = written(label_smoothing.targets(Given(few, labels), settings))
    assert found["item"].tolist() == list("yxxyx")
    assert found["annotator"].tolist() == ["bob", "ann", "bob", "ann", "cat"]
    wanted = [
        [0.9, 0.1],
        [0.05, 0.05, 0.85, 0.05],
        [0.05, 0.05, 0.05, 0.85],
        [0.1, 0.9],
        [0.05, 0.05, 0.85, 0.05],
    ]
    for row, target in zip(found["distribution"], wanted, strict=True):
        assert row == pytest.approx(target)
    assert found["reason"].eq("smoothed label").all()


def test_the_loss_is_lowest_at_the_smoothed_label(few, labels):
    """Where p is the target nothing is left to learn; sft would still push."""
    given = Given(few, labels)
    settings = label_smoothing.Settings(epsilon=0.2)
    rows = rows_of(label_smoothing.targets(given, settings), few, given.annotators, given.tasks)
    scores = rows.distribution.log().requires_grad_(True)
    label_smoothing.loss(scores.log_softmax(-1), rows, {}, settings).sum().backward()
    assert scores.grad.abs().max() < 1e-6


def test_little_smoothing_is_sft(few, labels):
    given = Given(few, labels)
    found = label_smoothing.targets(given, label_smoothing.Settings(epsilon=1e-9))
    for p, q in zip(
        found["distribution"], sft.targets(given, sft.Settings())["distribution"], strict=True
    ):
        assert p == pytest.approx(q, abs=1e-8)
