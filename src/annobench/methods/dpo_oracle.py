"""DPO on the comparisons of users who really are attentive: a bound on what a filter can gain.

The truth of simulated users is known: those of attentiveness `threshold` or more are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from annobench.methods import Given, Needs
from annobench.methods.dpo import expertise, learning_rate, loss, parameters, weights
from annobench.preferences import Dpo, keep_users

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

NEEDS = Needs(
    annotations=True, annotator_ids=True, truth=True, preferences=True, softmax="vocabulary"
)


class Settings(Dpo):
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Users of at least this attentiveness are kept."""


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per comparison, kept where its user truly is attentive."""
    assert given.truth is not None
    eta = given.truth.groupby("annotator")["expertise"].mean()
    return keep_users(given, eta >= settings.threshold, ("attentive user", "careless user"))
