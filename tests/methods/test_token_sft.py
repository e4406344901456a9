import numpy as np
import torch

from annobench.methods import Given, sft, token_sft
from annobench.training.loop import Objective
from annobench.training.rows import rows_of


def test_only_the_softmax_differs_from_sft():
    assert token_sft.NEEDS.softmax == "vocabulary"
    assert sft.NEEDS.softmax == "options"
    for name in ("Settings", "targets", "parameters", "loss", "weights", "expertise"):
        assert getattr(token_sft, name) is getattr(sft, name)


def test_scores_are_taken_as_they_are(few, labels):
    """The loss is minus the score of the label; the other options' scores do not matter."""
    given = Given(few, labels)
    settings = token_sft.Settings()
    rows = rows_of(token_sft.targets(given, settings), few, given.annotators, given.tasks)
    scores = torch.tensor([[-1.0, -2, -3, -4], [-5, -6, -torch.inf, -torch.inf], [-1, -1, -1, -1]])
    scores.requires_grad_(True)
    every = np.arange(3)
    losses = Objective(token_sft, settings, given, rows).row_losses(every, scores, rows, {})
    assert losses.tolist() == [5, 3, 4, 6, 3]
    losses.sum().backward()
    assert scores.grad.tolist() == [[0, 0, -2, -1], [-1, -1, 0, 0], [0, 0, 0, 0]]
    restricted = Objective(sft, settings, given, rows).row_losses(every, scores.detach(), rows, {})
    assert not np.allclose(restricted, losses.detach())
