"""Symmetric cross-entropy: cross-entropy, and cross-entropy with label and prediction exchanged.

    loss = mean over annotations of - alpha log p(y | x) - beta sum over k of p(k | x) log t_k
         = mean over annotations of - alpha log p(y | x) - beta A (1 - p(y | x))

t is 1 at the label, and log 0 is read as A; p = softmax over the item's options. Y. Wang et al.,
Symmetric Cross Entropy for Robust Learning with Noisy Labels, ICCV 2019, section 3. Its gradient is

    dL/dz_k = (alpha - beta A p_y) (p_k - 1[k = y])

SFT with more weight on the labels that the model agrees with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import NegativeFloat, PositiveFloat

from annobench import settings as _settings
from annobench.methods import Needs
from annobench.methods.sft import expertise, learning_rate, parameters, targets

if TYPE_CHECKING:
    from torch import Tensor

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

NEEDS = Needs(annotations=True)


class Settings(_settings.Settings):
    """Symmetric cross-entropy's own keys; the defaults are those commonly used for CIFAR-10."""

    alpha: PositiveFloat = 0.1
    """Weight of the cross-entropy."""
    beta: PositiveFloat = 1.0
    """Weight of the reverse cross-entropy."""
    log_zero: NegativeFloat = -4.0
    """A, what log 0 is taken for."""


def loss(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """Both cross-entropies of each annotation. log_p and rows.distribution: [N, K] -> [N]."""
    log_p_y = rows.expected_log_p(log_p)
    return -settings.alpha * log_p_y + settings.beta * settings.log_zero * log_p_y.expm1()


def weights(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """The gradient's weight, as a share of the weight that a label with p_y = 1 has."""
    most = settings.alpha - settings.beta * settings.log_zero
    p_y = rows.expected_log_p(log_p).exp()
    return (settings.alpha - settings.beta * settings.log_zero * p_y) / most
