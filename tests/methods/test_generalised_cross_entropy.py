import pytest
import torch

from annobench.methods import generalised_cross_entropy as gce
from annobench.methods import sft


def settings(q):
    return gce.Settings(q=q)


def test_by_hand(rows_of):
    """p_y = 1/4, q = 1/2: (1 - 1/2)/(1/2) = 1; p_y = 1: 0. The weights are 1/2 and 1."""
    rows = rows_of([1, 0], [4, 2], [0, 0])
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125, 0], [1, 0, 0, 0, 0]], dtype=torch.float64)
    assert gce.loss(p.log(), rows, {}, settings(0.5)).tolist() == pytest.approx([1, 0])
    assert gce.weights(p.log(), rows, {}, settings(0.5)).tolist() == pytest.approx([0.5, 1])


def test_small_q_is_cross_entropy(z, rows):
    log_p = z.log_softmax(-1)
    found = gce.loss(log_p, rows, {}, settings(1e-8))
    torch.testing.assert_close(found, sft.loss(log_p, rows, {}, sft.Settings()), rtol=0, atol=1e-6)


def test_q_of_one_is_half_the_absolute_error(z, rows):
    error = (z.softmax(-1) - rows.distribution).abs().sum(-1)
    torch.testing.assert_close(gce.loss(z.log_softmax(-1), rows, {}, settings(1)), error / 2)


@pytest.mark.parametrize("q", [0.01, 0.3, 0.7, 1])
def test_gradient_of_the_scores(z, rows, q):
    """dL/dz_k = p_y^q (p_k - 1[k = y]): SFT by the weight that `weights` reports."""
    z.requires_grad_(True)
    log_p = z.log_softmax(-1)
    gce.loss(log_p, rows, {}, settings(q)).sum().backward()
    p = z.detach().softmax(-1)
    p_y = (p * rows.distribution).sum(-1)
    torch.testing.assert_close(z.grad, (p_y**q)[:, None] * (p - rows.distribution))
    torch.testing.assert_close(gce.weights(log_p.detach(), rows, {}, settings(q)), p_y**q)


@pytest.mark.parametrize("q", [0, -0.5, 1.5])
def test_q_outside_its_range_is_refused(q):
    with pytest.raises(ValueError, match="q"):
        settings(q)


@pytest.mark.parametrize("log_p_y", [0.0, -1e-8, -200.0, -1e30])
def test_extreme_values_stay_finite(rows_of, log_p_y):
    rows = rows_of([0], [2], [0])
    log_p = torch.tensor([[log_p_y, -1, 0, 0, 0]], requires_grad=True)
    loss = gce.loss(log_p, rows, {}, settings(0.7))
    loss.sum().backward()
    assert 0 <= loss.item() <= 1 / 0.7 + 1e-6
    assert log_p.grad.isfinite().all()
