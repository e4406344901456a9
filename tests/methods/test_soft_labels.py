import pytest
import torch

from annobench.methods import Given, sft, soft_labels
from annobench.training.rows import rows_of

SETTINGS = soft_labels.Settings()


def test_targets_are_the_shares(few, labels, as_dicts):
    assert as_dicts(soft_labels.targets(Given(few, labels), SETTINGS)) == [
        {
            "item": "x",
            "annotator": None,
            "distribution": [0, 0, 2 / 3, 1 / 3],
            "reason": "vote shares",
        },
        {"item": "y", "annotator": None, "distribution": [0.5, 0.5], "reason": "vote shares"},
    ]


def test_an_items_loss_is_the_mean_of_its_labels(few, labels):
    """The loss on the shares of x is the mean of sft's losses on x's three labels; so for y."""
    given = Given(few, labels)
    log_p = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    found = {}
    for method in (soft_labels, sft):
        rows = rows_of(method.targets(given, SETTINGS), few, given.annotators, given.tasks)
        losses = method.loss(log_p[rows.item], rows, {}, SETTINGS)
        found[method] = [losses[rows.item == item].mean() for item in (0, 1)]
    torch.testing.assert_close(found[soft_labels], found[sft])


def test_expertise_is_agreement_with_the_shares(few, labels):
    """bob: (1/3 4 - 1)/3 on x, chance on y; cat: (2/3 4 - 1)/3 on x."""
    given = Given(few, labels)
    found = soft_labels.expertise(given, soft_labels.targets(given, SETTINGS), {}, SETTINGS)
    assert found.to_dict() == pytest.approx({"ann": 5 / 18, "bob": 1 / 18, "cat": 5 / 9})
