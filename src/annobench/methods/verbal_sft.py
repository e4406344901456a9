"""Verbal SFT: imitate the people's distribution as text.

The model is shown the item's votes as percentages, the text that SHALA's rollouts are to come to,
and learns their tokens by cross-entropy. It is told what to write, where SHALA finds it out; and it
is punished for a wrong digit alike, however near the number is.
"""

from __future__ import annotations

from annobench.methods import Needs
from annobench.methods.soft_labels import (
    Settings,
    expertise,
    learning_rate,
    loss,
    parameters,
    targets,
    weights,
)

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

NEEDS = Needs(annotations=True, verbal=True, softmax="vocabulary")
