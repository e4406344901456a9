"""DPO on every comparison: every user is believed (Rafailov et al. 2023, eq. 7).

    loss = - mean over comparisons of log sigmoid(beta (r_chosen - r_other)),
    r_k = log p(response k | prompt) - log p_0(response k | prompt)

p_0 is the model before training, and a response ends with the end of the text. Of a target that
spreads over both responses, d on the first, the loss is d log sigmoid(m) + (1 - d) log sigmoid(-m),
which for d = 1 - eps is label-smoothed DPO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.methods import Given, Needs
from annobench.methods.sft import expertise, learning_rate, parameters, weights
from annobench.preferences import Dpo, comparison_targets

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

NEEDS = Needs(annotations=True, preferences=True, softmax="vocabulary")


class Settings(Dpo):
    pass


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per comparison: what the user chose."""
    assert given.annotations is not None
    return comparison_targets(given, given.annotations["label"], "comparison")


def loss(log_ratio: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Dpo) -> Tensor:
    """log_ratio [N, 2] of each row's responses -> [N]."""
    from torch.nn.functional import logsigmoid

    margin = settings.beta * (log_ratio[:, 0] - log_ratio[:, 1])
    d = rows.distribution
    return -(d[:, 0] * logsigmoid(margin) + d[:, 1] * logsigmoid(-margin))
