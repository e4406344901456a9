import math

import pytest
import torch

from annobench.methods import sft
from annobench.methods import symmetric_cross_entropy as sce

SETTINGS = sce.Settings(alpha=0.1, beta=1.0, log_zero=-4.0)


def test_by_hand(rows_of):
    """p_y = 1/4: 0.1 log 4 + 4 (3/4); p_y = 1: nothing. The weights are (0.1 + 1)/4.1 and 1."""
    rows = rows_of([1, 0], [4, 2], [0, 0])
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125, 0], [1, 0, 0, 0, 0]], dtype=torch.float64)
    found = sce.loss(p.log(), rows, {}, SETTINGS)
    assert found.tolist() == pytest.approx([0.1 * math.log(4) + 3, 0])
    assert sce.weights(p.log(), rows, {}, SETTINGS).tolist() == pytest.approx([1.1 / 4.1, 1])


def test_it_is_both_cross_entropies(z, rows):
    """The reverse one written out: - sum over k of p_k log t_k, with log 0 = A."""
    log_t = torch.where(rows.distribution > 0, 0.0, -4.0)
    reverse = -(z.softmax(-1) * log_t).sum(-1)
    forward = sft.loss(z.log_softmax(-1), rows, {}, sft.Settings())
    found = sce.loss(z.log_softmax(-1), rows, {}, SETTINGS)
    torch.testing.assert_close(found, 0.1 * forward + reverse)


def test_gradient_of_the_scores(z, rows):
    """dL/dz_k = (alpha - beta A p_y)(p_k - 1[k = y]); `weights` is the factor's share of 4.1."""
    z.requires_grad_(True)
    sce.loss(z.log_softmax(-1), rows, {}, SETTINGS).sum().backward()
    p = z.detach().softmax(-1)
    factor = 0.1 + 4 * (p * rows.distribution).sum(-1)
    torch.testing.assert_close(z.grad, factor[:, None] * (p - rows.distribution))
    weights = sce.weights(z.detach().log_softmax(-1), rows, {}, SETTINGS)
    torch.testing.assert_close(weights, factor / 4.1)


@pytest.mark.parametrize(
    ("key", "value"), [("alpha", 0), ("beta", -1), ("log_zero", 0), ("log_zero", 4)]
)
def test_settings_outside_their_range_are_refused(key, value):
    with pytest.raises(ValueError, match=key):
        sce.Settings(**{key: value})
