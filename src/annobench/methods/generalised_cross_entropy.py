"""Generalised cross-entropy: a loss between cross-entropy and mean absolute error.

    loss = mean over annotations of (1 - p(y | x)^q) / q,    p = softmax over the item's options

Z. Zhang and M. Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
Labels, NeurIPS 2018, eq. 6. As q goes to 0 it becomes cross-entropy; at q = 1 it is 1 - p_y, half
the absolute error. The paper's truncated form is left out. Its gradient is

    dL/dz_k = p_y^q (p_k - 1[k = y])        SFT, each label weighted by p_y^q

so a label that the model doubts teaches less. It is REALM's idea with no annotators in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

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
    """Generalised cross-entropy's own key."""

    q: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Near 0 is cross-entropy, 1 is mean absolute error; 0.7 is the paper's."""


def loss(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """(1 - p_y^q) / q of each annotation. log_p and rows.distribution: [N, K] -> [N]."""
    return -(settings.q * rows.expected_log_p(log_p)).expm1() / settings.q


def weights(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """p_y^q: how much of cross-entropy's gradient each annotation keeps."""
    return (settings.q * rows.expected_log_p(log_p)).exp()
