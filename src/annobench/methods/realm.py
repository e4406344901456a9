"""REALM: learn the model and each annotator's expertise together (arXiv 2604.17289).

Each label is a mixture of the model's answer and a uniform guess, by the annotator's expertise:

    p(k|x)   = softmax over the item's K options of the score z_k(x)
    q(y|x,a) = beta_a p(y|x) + (1 - beta_a) / K
    loss     = - mean over annotations of log q(y|x,a)

The mixture is the paper's, in words; beta_a = sigmoid(omega_a) is our reconstruction, as are the
start, the rate and the freeze of omega below.

With the responsibility r = beta p_y / (beta p_y + (1 - beta)/K), the probability that the label
came from the model and not from the guess, the gradients are

    dL/dz_k = r (p_k - 1[k = y])        SFT, each label weighted by r
    dL/domega_a = -(r - beta_a)         stationary where beta_a is the annotator's mean r

so beta = 1 is noisy SFT, and expertise is identified only up to a common scale: compare ranks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat

from annobench import settings as _settings
from annobench.methods import Given, Needs
from annobench.methods.sft import targets

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from annobench.training.rows import Rows

__all__ = [
    "NEEDS",
    "Settings",
    "expertise",
    "learning_rate",
    "log_mix",
    "log_mixture",
    "loss",
    "parameters",
    "responsibility",
    "targets",
    "weights",
]

NEEDS = Needs(annotations=True, annotator_ids=True)


class Settings(_settings.Settings):
    """REALM's own keys; all our reconstruction."""

    initial_expertise: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Every annotator's expertise at the start."""
    expertise_lr: PositiveFloat = 0.1
    """Peak learning rate of omega (AdamW without decay, on the model's schedule)."""
    freeze_epochs: NonNegativeFloat = 0.5
    """Epochs before omega begins to learn."""


def log_mix(log_p: Tensor, log_guess: Tensor, omega: Tensor) -> Tensor:
    """log (s p + (1 - s) guess), s = sigmoid(omega). All [N] -> [N]."""
    from torch.nn.functional import logsigmoid

    return (logsigmoid(omega) + log_p).logaddexp(logsigmoid(-omega) + log_guess)


def log_mixture(log_p: Tensor, omega: Tensor, options: Tensor) -> Tensor:
    """log q(y|x,a) from log p(y|x), the logit of beta_a, and K. All [N] -> [N]."""
    return log_mix(log_p, -options.log(), omega)


def responsibility(log_p: Tensor, omega: Tensor, options: Tensor) -> Tensor:
    """Probability that the label came from the model and not from a guess. All [N] -> [N]."""
    from torch.nn.functional import logsigmoid

    return (logsigmoid(omega) + log_p - log_mixture(log_p, omega, options)).exp()


def parameters(given: Given, settings: Settings) -> dict[str, Tensor]:
    """omega: [annotators], the logit of each annotator's expertise."""
    import torch

    start = math.log(settings.initial_expertise / (1 - settings.initial_expertise))
    return {"omega": torch.full((len(given.annotators),), start)}


def learning_rate(epoch: float, settings: Settings) -> float:
    return 0.0 if epoch < settings.freeze_epochs else settings.expertise_lr


def loss(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """- log q of each annotation. log_p and rows.distribution: [N, K] -> [N]."""
    omega = parameters["omega"][rows.annotator]
    return -log_mixture(rows.expected_log_p(log_p), omega, rows.options)


def weights(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """The responsibility of each annotation."""
    omega = parameters["omega"][rows.annotator]
    return responsibility(rows.expected_log_p(log_p), omega, rows.options)


def expertise(
    given: Given,
    targets: pd.DataFrame,
    parameters: dict[str, Tensor],
    settings: Settings,
) -> pd.Series | None:
    """beta of each annotator."""
    import pandas as pd

    return pd.Series(parameters["omega"].sigmoid().double().numpy(), index=given.annotators)
