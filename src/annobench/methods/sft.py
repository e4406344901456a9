"""Noisy SFT: every annotation is an example, every annotator is believed.

    loss = - mean over annotations of log p(y | x),    p = softmax over the item's options

The softmax is restricted to the options, as REALM's is, so that the two differ
in the weight of each label and in nothing else. It is REALM with every expertise fixed at 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import settings as _settings
from annobench.methods import Given, Needs

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from annobench.training.rows import Rows

NEEDS = Needs(annotations=True)


class Settings(_settings.Settings):
    """No keys."""


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation, all probability on its label, or in its words."""
    from annobench.targets import free_text_targets, one_hot, option_counts, target_frame

    annotations = given.annotations
    assert annotations is not None
    if annotations["label"].isna().any():
        return free_text_targets(annotations["item"], annotations["text"], "annotation")
    options = annotations["item"].map(option_counts(given.items))
    labels = one_hot(annotations["label"], options)
    return target_frame(annotations["item"], labels, "annotation", annotations["annotator"])


def parameters(given: Given, settings: _settings.Settings) -> dict[str, Tensor]:
    """Nothing is learned beside the model."""
    return {}


def learning_rate(epoch: float, settings: _settings.Settings) -> float:
    return 0.0


def loss(
    log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: _settings.Settings
) -> Tensor:
    """Cross-entropy of each target row. log_p and rows.distribution: [N, K] -> [N]."""
    return -rows.expected_log_p(log_p)


def weights(
    log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: _settings.Settings
) -> Tensor:
    """Every target keeps the weight it was given."""
    return rows.weight


def expertise(
    given: Given,
    targets: pd.DataFrame,
    parameters: dict[str, Tensor],
    settings: _settings.Settings,
) -> pd.Series | None:
    """Nothing is learned about annotators."""
    return None
