"""REALM with one annotator: a single expertise for all labels, which needs no annotator ids.

    q(y|x) = beta p(y|x) + (1 - beta) / K,    beta = sigmoid(omega)

REALM (arXiv 2604.17289) for labels that nobody signs, our reconstruction: beta is the share of all
labels that the model can explain, and a label's weight is its responsibility as in REALM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.realm import Settings, learning_rate, log_mixture, responsibility
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
    "loss",
    "parameters",
    "targets",
    "weights",
]

NEEDS = Needs(annotations=True)


def parameters(given: Given, settings: Settings) -> dict[str, Tensor]:
    """omega: [1], the logit of the one expertise."""
    import torch

    return {"omega": torch.tensor([settings.initial_expertise]).logit()}


def loss(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """- log q of each annotation. log_p and rows.distribution: [N, K] -> [N]."""
    return -log_mixture(rows.expected_log_p(log_p), parameters["omega"], rows.options)


def weights(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """The responsibility of each annotation."""
    return responsibility(rows.expected_log_p(log_p), parameters["omega"], rows.options)


def expertise(
    given: Given,
    targets: pd.DataFrame,
    parameters: dict[str, Tensor],
    settings: Settings,
) -> pd.Series | None:
    """The one beta, under the name of `annobench.annotators.EVERYONE`."""
    import pandas as pd

    from annobench.annotators import EVERYONE

    return pd.Series(parameters["omega"].sigmoid().double().numpy(), index=[EVERYONE])
