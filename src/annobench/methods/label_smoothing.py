"""Label smoothing: SFT on labels that give a share of their probability to every option.

    t_k = (1 - epsilon) 1[k = y] + epsilon / K

C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016, section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from annobench import settings as _settings
from annobench.methods import Given, Needs
from annobench.methods.sft import expertise, learning_rate, loss, parameters, weights

if TYPE_CHECKING:
    import pandas as pd

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
    """Label smoothing's own key."""

    epsilon: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The share of a label's probability that is spread over all options; 0.1 is the paper's."""


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation: its label, smoothed."""
    from annobench.methods import sft

    frame = sft.targets(given, sft.Settings())
    own, spread = 1 - settings.epsilon, settings.epsilon
    smoothed = {
        row: tuple(own * t + spread / len(row) for t in row) for row in set(frame["distribution"])
    }
    return frame.assign(distribution=frame["distribution"].map(smoothed), reason="smoothed label")
