import math

import numpy as np
import pandas as pd
import pytest
import torch

from annobench.annotators import EVERYONE, table
from annobench.methods import Given, realm, realm_one, sft
from annobench.training.rows import rows_of as rows_from

SETTINGS = realm_one.Settings()


def test_it_is_realm_where_one_annotator_gives_every_label(z, rows_of):
    labels, options = [1, 0, 3, 2, 0, 2], [2, 3, 4, 5, 4, 3]
    unsigned, one = rows_of(labels, options, [-1] * 6), rows_of(labels, options, [0] * 6)
    log_p = z.log_softmax(-1)
    extra = {"omega": torch.tensor([0.3], dtype=torch.float64)}
    for name in ("loss", "weights"):
        found = getattr(realm_one, name)(log_p, unsigned, extra, SETTINGS)
        torch.testing.assert_close(found, getattr(realm, name)(log_p, one, extra, SETTINGS))


def test_by_hand(rows_of):
    """beta = 4/5, p = (1/2, 1/4, 1/8, 1/8), y = 1: q = 1/5 + 1/20 and r = 4/5."""
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125, 0]], dtype=torch.float64)
    rows = rows_of([1], [4], [-1])
    omega = {"omega": torch.tensor([math.log(4)], dtype=torch.float64)}
    assert realm_one.loss(p.log(), rows, omega, SETTINGS).item() == pytest.approx(math.log(4))
    assert realm_one.weights(p.log(), rows, omega, SETTINGS).item() == pytest.approx(0.8)


def test_the_start_is_realms(few, labels):
    extra = realm_one.parameters(Given(few, labels), SETTINGS)
    assert extra["omega"].shape == (1,)
    found = realm_one.expertise(Given(few, labels), pd.DataFrame(), extra, SETTINGS)
    assert found.to_dict() == pytest.approx({EVERYONE: 0.8})


def test_the_gradient_is_stationary_at_the_mean_responsibility(few, labels):
    """dL/domega is the sum of beta - r over all labels, signed or not."""
    given = Given(few, labels.assign(annotator=None))
    rows = rows_from(sft.targets(given, sft.Settings()), few, given.annotators, given.tasks)
    log_p = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.75, 0, 0]]).log()[rows.item]
    extra = realm_one.parameters(given, SETTINGS)
    extra["omega"].requires_grad_(True)
    realm_one.loss(log_p, rows, extra, SETTINGS).sum().backward()
    r = realm_one.weights(log_p, rows, {"omega": extra["omega"].detach()}, SETTINGS)
    assert extra["omega"].grad.item() == pytest.approx((0.8 - r).sum().item(), rel=1e-5)


@pytest.mark.parametrize("signed", [True, False])
def test_its_expertise_rests_on_every_label(few, labels, signed):
    given = Given(few, labels if signed else labels.assign(annotator=None))
    expertise = pd.Series([0.6], index=[EVERYONE])
    p = np.array([[0.1, 0.1, 0.7, 0.1], [0.9, 0.1, 0, 0], [1, 0, 0, 0]])
    (row,) = table(expertise, given, few, p).to_dict("records")
    assert (row["annotator"], row["task"], row["annotations"]) == (EVERYONE, "any", 5)
    assert row["low"] <= row["high"]
