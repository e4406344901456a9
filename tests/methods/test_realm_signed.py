"""The signed form of REALM and the uniform mixture are one likelihood."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from annobench.methods import Given, realm, realm_signed, sft
from annobench.training.rows import rows_of as rows_from

SETTINGS = realm_signed.Settings()


def beta_of(sigma, options):
    return (options * sigma - 1) / (options - 1)


def test_by_hand(rows_of):
    """sigma = 1/4, p_y = 1/2, K = 3: q = 1/8 + (3/4)(1/4); worse than chance, so no weight."""
    rows = rows_of([1], [3], [0])
    p = torch.tensor([[0.25, 0.5, 0.25, 0, 0]], dtype=torch.float64)
    omega = {"omega": torch.tensor([-math.log(3)], dtype=torch.float64)}
    assert realm_signed.loss(p.log(), rows, omega, SETTINGS).item() == pytest.approx(
        -math.log(5 / 16)
    )
    assert realm_signed.weights(p.log(), rows, omega, SETTINGS).item() == 0


@given(st.floats(0.01, 0.99), st.integers(0, 5))
def test_it_is_the_uniform_mixture(rows_of, share, seed):
    """For sigma above 1/K, loss, weight and gradient are REALM's with beta."""
    options = [2, 3, 4, 5]
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(4, 5, generator=generator, dtype=torch.float64) * 3
    z = z.masked_fill(torch.arange(5) >= torch.tensor(options)[:, None], -torch.inf)
    rows = rows_of([1, 2, 0, 4], options, [0, 1, 2, 3])
    sigma = 1 / rows.options + share * (1 - 1 / rows.options)
    found = []
    for method, expertise in ((realm_signed, sigma), (realm, beta_of(sigma, rows.options))):
        own = z.clone().requires_grad_(True)
        omega = {"omega": expertise.logit()}
        loss = method.loss(own.log_softmax(-1), rows, omega, SETTINGS)
        loss.sum().backward()
        weights = method.weights(own.detach().log_softmax(-1), rows, omega, SETTINGS)
        found.append((loss.detach(), own.grad, weights))
    for signed, uniform in zip(*found, strict=True):
        torch.testing.assert_close(signed, uniform, rtol=1e-9, atol=1e-9)


def test_gradient_of_the_scores(z, rows):
    """dL/dz_k = (beta p_y / q)(p_k - 1[k = y]), below chance too, where it changes sign."""
    omega = torch.tensor([1.5, -3.0, -0.2], dtype=torch.float64)
    z.requires_grad_(True)
    realm_signed.loss(z.log_softmax(-1), rows, {"omega": omega}, SETTINGS).sum().backward()
    p = z.detach().softmax(-1)
    p_y = (p * rows.distribution).sum(-1)
    sigma = omega.sigmoid()[rows.annotator]
    q = sigma * p_y + (1 - sigma) * (1 - p_y) / (rows.options - 1)
    w = beta_of(sigma, rows.options) * p_y / q
    assert w.min() < 0 < w.max()
    torch.testing.assert_close(z.grad, w[:, None] * (p - rows.distribution))
    found = realm_signed.weights(z.detach().log_softmax(-1), rows, {"omega": omega}, SETTINGS)
    torch.testing.assert_close(found, w.clamp(min=0))


@pytest.mark.parametrize("top", [0.0, 50.0, 1e4])
@pytest.mark.parametrize("omega", [0.0, 30.0, -30.0])
@pytest.mark.parametrize("label", [0, 1])
def test_certain_models_stay_finite(rows_of, top, omega, label):
    z = torch.tensor([[top, 0, 0, -torch.inf, -torch.inf]], requires_grad=True)
    extra = {"omega": torch.tensor([omega], requires_grad=True)}
    rows = rows_of([label], [3], [0])
    loss = realm_signed.loss(z.log_softmax(-1), rows, extra, SETTINGS)
    loss.sum().backward()
    weights = realm_signed.weights(z.detach().log_softmax(-1), rows, extra, SETTINGS)
    assert loss.isfinite().all()
    assert z.grad.isfinite().all()
    assert extra["omega"].grad.isfinite().all()
    assert 0 <= weights.item() <= 1


def test_it_starts_where_realm_does(few, labels):
    """Every annotator's mean beta is `initial_expertise`, and `expertise` reports it.

    cat labelled one item of four options: sigma = (0.8 * 3 + 1)/4.
    """
    told = Given(few, labels)
    extra = realm_signed.parameters(told, SETTINGS)
    assert extra["omega"].sigmoid()[2].item() == pytest.approx(3.4 / 4)
    found = realm_signed.expertise(told, pd.DataFrame(), extra, SETTINGS)
    assert found.to_dict() == pytest.approx({"ann": 0.8, "bob": 0.8, "cat": 0.8})


def test_expertise_is_the_mean_beta_by_hand(few, labels):
    """sigma = 1/4: chance of four options, -1/2 of two; ann and bob labelled one of each."""
    extra = {"omega": torch.full((3,), -math.log(3))}
    found = realm_signed.expertise(Given(few, labels), pd.DataFrame(), extra, SETTINGS)
    assert found.to_dict() == pytest.approx({"ann": -0.25, "bob": -0.25, "cat": 0}, abs=1e-7)


def test_an_annotator_who_is_always_wrong_is_found_out():
    """On fixed, fairly good predictions omega learns what REALM cannot express: beta below 0."""
    rng = np.random.default_rng(0)
    gold = rng.integers(3, size=300)
    items = pd.DataFrame(
        {"item": [f"q{n}" for n in range(300)], "task": "t", "options": [list("abc")] * 300}
    )
    liar = (gold + rng.integers(1, 3, size=300)) % 3
    annotations = pd.concat(
        pd.DataFrame({"item": items["item"], "label": y, "annotator": who})
        for who, y in (("honest", gold), ("liar", liar), ("random", rng.integers(3, size=300)))
    )
    p = torch.full((300, 3), 0.15)
    p[range(300), gold] = 0.7
    told = Given(items, annotations)
    rows = rows_from(sft.targets(told, sft.Settings()), items, told.annotators, told.tasks)
    learned = {}
    for method in (realm_signed, realm):
        extra = method.parameters(told, SETTINGS)
        omega = extra["omega"].requires_grad_(True)
        adam = torch.optim.Adam([omega], lr=0.1)
        for _ in range(300):
            adam.zero_grad()
            method.loss(p.log()[rows.item], rows, extra, SETTINGS).mean().backward()
            adam.step()
        learned[method] = method.expertise(
            told, pd.DataFrame(), {"omega": omega.detach()}, SETTINGS
        )
    signed = learned[realm_signed]
    assert signed["honest"] > 0.9
    assert abs(signed["random"]) < 0.25
    assert signed["liar"] < -0.4
    assert learned[realm]["liar"] > 0
