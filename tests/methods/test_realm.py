"""What follows from REALM's mixture: responsibilities, gradients, what it identifies."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from annobench.methods import Given, realm, sft

SETTINGS = realm.Settings()
OPTIONS = [2, 3, 4, 5, 4, 3]
LABELS = [1, 0, 3, 2, 0, 2]


@pytest.fixture
def omega():
    return torch.tensor([1.5, -0.7, 0.2], dtype=torch.float64)


def loss_of(z, omega, rows):
    return realm.loss(z.log_softmax(-1), rows, {"omega": omega}, SETTINGS)


def mixture(z, omega, rows):
    """p of each label, beta of each label's annotator, q, r: as the paper writes them."""
    p = z.softmax(-1)[range(len(z)), rows.distribution.argmax(-1)]
    beta = 1 / (1 + (-omega[rows.annotator]).exp())
    q = beta * p + (1 - beta) / rows.options
    return p, beta, q, beta * p / q


def test_the_loss_is_the_papers(z, omega, rows):
    _, _, q, _ = mixture(z, omega, rows)
    torch.testing.assert_close(loss_of(z, omega, rows), -q.log())


def test_the_weight_is_the_responsibility(z, omega, rows):
    _, _, _, r = mixture(z, omega, rows)
    weights = realm.weights(z.log_softmax(-1), rows, {"omega": omega}, SETTINGS)
    torch.testing.assert_close(weights, r)


def test_by_hand(rows_of):
    """beta = 4/5, p = (1/2, 1/4, 1/8, 1/8), y = 1: q = 1/5 + 1/20 and r = 4/5."""
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125, 0]], dtype=torch.float64)
    rows = rows_of([1], [4], [0])
    omega = {"omega": torch.tensor([math.log(4)], dtype=torch.float64)}
    assert realm.loss(p.log(), rows, omega, SETTINGS).item() == pytest.approx(math.log(4))
    assert realm.weights(p.log(), rows, omega, SETTINGS).item() == pytest.approx(0.8)


# gradients


def test_gradient_of_the_scores(z, omega, rows):
    """dL/dz_k = r (p_k - 1[k = y]): SFT, each label weighted by r."""
    z.requires_grad_(True)
    loss_of(z, omega, rows).sum().backward()
    _, _, _, r = mixture(z.detach(), omega, rows)
    wanted = r[:, None] * (z.detach().softmax(-1) - rows.distribution)
    torch.testing.assert_close(z.grad, wanted)


def test_gradient_of_omega(z, omega, rows):
    """dL/domega_a = -(r - beta_a), summed over the annotator's labels."""
    omega.requires_grad_(True)
    loss_of(z, omega, rows).sum().backward()
    _, beta, _, r = mixture(z, omega.detach(), rows)
    wanted = torch.zeros(3, dtype=torch.float64).index_add(0, rows.annotator, beta - r)
    torch.testing.assert_close(omega.grad, wanted)


def test_central_differences(z, omega, rows):
    """The same two gradients, without autograd."""
    step = 1e-6
    _, beta, _, r = mixture(z, omega, rows)
    for item, options in enumerate(OPTIONS):
        for k in range(options):
            up, down = z.clone(), z.clone()
            up[item, k] += step
            down[item, k] -= step
            slope = (loss_of(up, omega, rows) - loss_of(down, omega, rows)).sum() / (2 * step)
            p_k = z[item].softmax(-1)[k]
            wanted = r[item] * (p_k - float(k == LABELS[item]))
            assert slope.item() == pytest.approx(wanted.item(), abs=1e-8)
    for a in range(3):
        shift = step * (torch.arange(3) == a)
        slope = (loss_of(z, omega + shift, rows) - loss_of(z, omega - shift, rows)).sum()
        wanted = -(r - beta)[rows.annotator == a].sum()
        assert slope.item() / (2 * step) == pytest.approx(wanted.item(), abs=1e-8)


# identities


def test_full_expertise_is_sft(z, rows):
    """beta = 1: the same loss and gradient, to the last bit."""
    losses, gradients = [], []
    for loss in (
        lambda log_p: realm.loss(log_p, rows, {"omega": torch.full((3,), torch.inf)}, SETTINGS),
        lambda log_p: sft.loss(log_p, rows, {}, SETTINGS),
    ):
        own = z.clone().requires_grad_(True)
        losses.append(loss(own.log_softmax(-1)))
        losses[-1].sum().backward()
        gradients.append(own.grad)
    assert losses[0].equal(losses[1])
    assert gradients[0].equal(gradients[1])


def test_no_expertise_is_a_guess(z, rows):
    """beta = 0: the loss is log K and nothing is learned from the label."""
    z.requires_grad_(True)
    loss = loss_of(z, torch.full((3,), -1e4, dtype=torch.float64), rows)
    loss.sum().backward()
    torch.testing.assert_close(loss, rows.options.log())
    assert z.grad.eq(0).all()


probability = st.floats(0.001, 0.999)


@given(probability, probability, st.integers(2, 5), st.floats(0.01, 1))
def test_expertise_is_known_only_up_to_a_scale(beta, p, options, c):
    """(beta, p) and (beta/c, c p + (1 - c)/K) say the same of every label."""
    if beta / c >= 1:
        c = (1 + beta) / 2
    assert log_q(beta, p, options) == pytest.approx(
        log_q(beta / c, c * p + (1 - c) / options, options), abs=1e-9
    )


@given(probability, st.integers(2, 5))
def test_a_model_at_chance_learns_nothing_about_annotators(rows_of, beta, options):
    omega = logit(beta).requires_grad_(True)
    log_p = torch.full((1, 5), 1 / options, dtype=torch.float64).log()
    rows = rows_of([options - 1], [options], [0])
    realm.loss(log_p, rows, {"omega": omega[None]}, SETTINGS).sum().backward()
    assert omega.grad.item() == pytest.approx(0, abs=1e-12)


@given(probability, st.integers(2, 5), st.floats(0.001, 0.999))
def test_the_signed_form_is_the_mixture(p, options, share):
    """sigma p_y + (1 - sigma)(1 - p_y)/(K - 1), with beta = (K sigma - 1)/(K - 1), sigma > 1/K."""
    sigma = 1 / options + share * (1 - 1 / options)
    signed = sigma * p + (1 - sigma) * (1 - p) / (options - 1)
    beta = (options * sigma - 1) / (options - 1)
    assert log_q(beta, p, options) == pytest.approx(math.log(signed), abs=1e-9)


def test_omega_rests_where_expertise_is_the_mean_responsibility(rows_of):
    """Gradient descent on omega and EM's M-step find the same beta, and no step of EM hurts."""
    rng = np.random.default_rng(0)
    p = torch.tensor(
        np.where(rng.random(200) < 0.6, rng.uniform(0.5, 1, 200), rng.uniform(0, 0.3, 200))
    )
    log_p = torch.stack([(1 - p) / 3, p, (1 - p) / 3, (1 - p) / 3, 0 * p], 1).log()
    rows = rows_of([1] * 200, [4] * 200, [0] * 200)

    def mean_loss(omega):
        return realm.loss(log_p, rows, {"omega": omega}, SETTINGS).mean()

    beta = torch.tensor([0.8], dtype=torch.float64)
    losses = [mean_loss(beta.logit())]
    for _ in range(300):
        beta = realm.weights(log_p, rows, {"omega": beta.logit()}, SETTINGS).mean()[None]
        losses.append(mean_loss(beta.logit()))
    assert all(b <= a + 1e-12 for a, b in pairwise(losses))
    assert 0.05 < beta < 0.95

    omega = beta.logit().requires_grad_(True)
    (slope,) = torch.autograd.grad(mean_loss(omega), omega)
    assert slope.item() == pytest.approx(0, abs=1e-10)

    omega = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.SGD([omega], lr=2.0)
    for _ in range(2000):
        descent.zero_grad()
        mean_loss(omega).backward()
        descent.step()
    torch.testing.assert_close(omega.detach().sigmoid(), beta, rtol=0, atol=1e-6)


def logit(beta):
    return torch.tensor(beta, dtype=torch.float64).logit()


def log_q(beta, p, options):
    log_p = torch.tensor(p, dtype=torch.float64).log()
    return realm.log_mixture(log_p, logit(beta), torch.tensor(options, dtype=torch.float64)).item()


# far from the middle


@pytest.mark.parametrize("log_p", [0.0, -1e-6, -100.0, -1e4, -1e30])
@pytest.mark.parametrize("omega", [0.0, 30.0, -30.0, 1e4, -1e4, 1e30, -1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_values_stay_finite(log_p, omega, dtype):
    log_p = torch.tensor([log_p], dtype=dtype, requires_grad=True)
    omega = torch.tensor([omega], dtype=dtype, requires_grad=True)
    options = torch.tensor([4.0], dtype=dtype)
    loss = -realm.log_mixture(log_p, omega, options)
    loss.sum().backward()
    r = realm.responsibility(log_p, omega, options)
    assert all(value.isfinite().all() for value in (loss, log_p.grad, omega.grad, r))
    assert 0 <= r.item() <= 1
    assert loss.item() >= 0
    assert -1 <= log_p.grad.item() <= 0
    assert -1 <= omega.grad.item() <= 1


# what it learns beside the model


def test_omega_starts_at_the_logit_of_the_initial_expertise():
    annotations = pd.DataFrame({"annotator": ["x", "y", "z"]})
    extra = realm.parameters(
        Given(pd.DataFrame(), annotations), realm.Settings(initial_expertise=0.9)
    )
    assert list(extra) == ["omega"]
    assert extra["omega"].sigmoid().tolist() == pytest.approx([0.9] * 3)


def test_omega_learns_after_the_freeze():
    settings = realm.Settings(freeze_epochs=0.5, expertise_lr=0.03)
    rates = [realm.learning_rate(epoch, settings) for epoch in (0, 0.49, 0.5, 2)]
    assert rates == [0, 0, 0.03, 0.03]


def test_expertise_is_named_in_sorted_order():
    annotations = pd.DataFrame(
        {"item": ["a", "a", "b"], "label": [0, 1, 0], "annotator": ["zoe", "ann", "zoe"]}
    )
    extra = {"omega": torch.tensor([0.0, math.log(3)])}
    found = realm.expertise(Given(pd.DataFrame(), annotations), pd.DataFrame(), extra, SETTINGS)
    assert found.to_dict() == pytest.approx({"ann": 0.5, "zoe": 0.75})
    assert list(found.index) == ["ann", "zoe"]
