import numpy as np
import pandas as pd
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.methods import Given, realm, realm_oracle
from annobench.training.rows import rows_of as rows_from

SETTINGS = realm_oracle.Settings()


@pytest.fixture
def told(few, labels):
    """x is of task p, y of task q; ann and bob labelled both, cat only p."""
    few["task"] = ["p", "q", "q"]
    truth = pd.DataFrame(
        {
            "annotator": ["cat", "bob", "ann", "ann", "bob"],
            "task": ["p", "q", "p", "q", "p"],
            "expertise": [0.5, 0.2, 0.9, 0.6, 1.0],
            "accuracy": 0.5,
        }
    )
    return Given(few, labels, truth)


def test_expertise_is_the_truth(told):
    extra = realm_oracle.parameters(told, SETTINGS)
    assert extra["pair"].sigmoid().tolist() == [
        pytest.approx([0.9, 0.6]),
        pytest.approx([1, 0.2], abs=2e-6),
        pytest.approx([0.5, 0.5]),
    ]
    found = realm_oracle.expertise(told, pd.DataFrame(), extra, SETTINGS)
    assert found.to_dict() == pytest.approx(
        {
            ("ann", "p"): 0.9,
            ("ann", "q"): 0.6,
            ("bob", "p"): 1,
            ("bob", "q"): 0.2,
            ("cat", "p"): 0.5,
        },
        abs=2e-6,
    )


def test_the_loss_is_realms_at_the_truth(told):
    """Five labels in the order y x x y x by bob, ann, bob, ann, cat."""
    rows = rows_from(realm_oracle.targets(told, SETTINGS), told.items, told.annotators, told.tasks)
    p = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.75, 0, 0]])
    extra = realm_oracle.parameters(told, SETTINGS)
    found = realm_oracle.loss(p.log()[rows.item], rows, extra, SETTINGS)
    beta, p_y = np.array([0.2, 0.9, 1, 0.6, 0.5]), np.array([0.25, 0.3, 0.4, 0.75, 0.3])
    q = beta * p_y + (1 - beta) / np.array([2, 4, 4, 2, 4])
    np.testing.assert_allclose(found, -np.log(q), rtol=1e-5)
    weights = realm_oracle.weights(p.log()[rows.item], rows, extra, SETTINGS)
    np.testing.assert_allclose(weights, beta * p_y / q, rtol=1e-5)


def test_omega_never_moves(told):
    """Fifty steps of AdamW as the loop takes them, at the method's own rate."""
    rows = rows_from(realm_oracle.targets(told, SETTINGS), told.items, told.annotators, told.tasks)
    extra = realm_oracle.parameters(told, SETTINGS)
    before = extra["pair"].clone()
    scores = torch.zeros(3, 4, requires_grad=True)
    groups = [
        {"params": [scores], "lr": 0.1},
        {"params": [extra["pair"].requires_grad_(True)], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=1e-3, fused=True)
    for step in range(50):
        adam.param_groups[1]["lr"] = realm_oracle.learning_rate(step / 10, SETTINGS)
        adam.zero_grad()
        log_p = scores.log_softmax(-1)[rows.item]
        realm_oracle.loss(log_p, rows, extra, SETTINGS).mean().backward()
        assert extra["pair"].grad.isfinite().all()
        adam.step()
    assert extra["pair"].equal(before)
    assert scores.abs().max() > 0.1


def test_perfect_annotators_are_believed_as_sft_believes(told):
    told.truth["expertise"] = 1.0
    rows = rows_from(realm_oracle.targets(told, SETTINGS), told.items, told.annotators, told.tasks)
    log_p = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).log_softmax(-1)[rows.item]
    extra = realm_oracle.parameters(told, SETTINGS)
    found = realm_oracle.loss(log_p, rows, extra, SETTINGS)
    torch.testing.assert_close(found, -rows.expected_log_p(log_p), rtol=1e-4, atol=1e-5)


def test_an_annotator_without_a_truth_is_refused(few, labels, told):
    partial = told.truth[told.truth["annotator"] != "cat"]
    with pytest.raises(AnnobenchError, match="no expertise of annotator 'cat' in task 'p'"):
        realm_oracle.parameters(Given(few, labels, partial), SETTINGS)


def test_it_asks_for_the_truth():
    assert realm_oracle.NEEDS.truth
    assert not realm.NEEDS.truth
