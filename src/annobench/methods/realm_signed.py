"""Signed REALM: an annotator may be worse than chance, and then teaches what the answer is not.

    q(y|x,a) = sigma_a p(y|x) + (1 - sigma_a) (1 - p(y|x)) / (K - 1),    sigma_a = sigmoid(omega_a)

sigma_a is how often annotator a gives the right label; a wrong one is any of the others. This is
the likelihood of REALM's parent method ILEED, and it is REALM's mixture with

    beta = (K sigma - 1) / (K - 1)    in [-1/(K - 1), 1]

REALM's beta in [0, 1] can only silence an annotator who is worse than
chance. The gradient is

    dL/dz_k = w (p_k - 1[k = y]),    w = beta p_y / q

which is REALM's where beta >= 0; where beta < 0 it pushes the label down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods.realm import NEEDS, Settings, learning_rate, log_mix
from annobench.methods.sft import targets

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from annobench.methods import Given
    from annobench.training.rows import Rows

__all__ = [
    "NEEDS",
    "Settings",
    "expertise",
    "learning_rate",
    "loss",
    "parameters",
    "targets",
    "weights",
]


def parameters(given: Given, settings: Settings) -> dict[str, Tensor]:
    """omega: [annotators], the logit of sigma; `initial_expertise` is the beta to start at."""
    import torch

    chance = torch.tensor(_chance(given).to_numpy(), dtype=torch.float32)
    return {"omega": ((settings.initial_expertise + chance) / (1 + chance)).logit()}


def loss(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """- log q of each annotation. log_p and rows.distribution: [N, K] -> [N]."""
    omega = parameters["omega"][rows.annotator]
    return -log_mix(rows.expected_log_p(log_p), _log_wrong(log_p, rows), omega)


def weights(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """The gradient's weight w, and 0 where w is negative: REALM's responsibility where beta >= 0.

    A label that is pushed down supports nothing, so that its weight as a target is 0.
    """
    from torch.nn.functional import logsigmoid

    omega = parameters["omega"][rows.annotator]
    log_q = log_mix(rows.expected_log_p(log_p), _log_wrong(log_p, rows), omega)
    guess = logsigmoid(-omega) - (rows.options - 1).log()
    return -(guess - log_q).expm1().clamp(max=0)


def expertise(
    given: Given,
    targets: pd.DataFrame,
    parameters: dict[str, Tensor],
    settings: Settings,
) -> pd.Series | None:
    """beta of each annotator, the mean over the items that they labelled, whose K may differ.

    It compares with REALM's beta, and with the chance-corrected agreement of the aggregations.
    """
    sigma = parameters["omega"].sigmoid().double().numpy()
    chance = _chance(given)
    return chance.add(1).mul(sigma).sub(chance)


def _log_wrong(log_p: Tensor, rows: Rows) -> Tensor:
    """log (1 - p_y) / (K - 1), summed over the other options so that it is exact near p_y = 1."""
    import torch

    others = log_p.masked_fill(rows.distribution > 0, -torch.inf).logsumexp(-1)
    return others - (rows.options - 1).log()


def _chance(given: Given) -> pd.Series:
    """Mean of 1/(K - 1) over each annotator's labels: mean beta = sigma (1 + it) - it."""
    from annobench.targets import option_counts

    annotations = given.annotations
    assert annotations is not None
    K = annotations["item"].map(option_counts(given.items))
    return (1 / (K - 1)).groupby(annotations["annotator"].to_numpy()).mean().sort_index()
