"""Self-selection: the model is asked which labels are wrong, then token SFT on the others.

RobustFT's baseline (arXiv 2412.14922, SelfSelect, as its code has it). The words of the question
are ours (`annobench.views.check`), and a verdict that cannot be read drops its label.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from annobench import settings as _settings
from annobench.methods import Given, Needs
from annobench.methods.token_sft import expertise, learning_rate, loss, parameters, weights
from annobench.questions import Backend

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

NEEDS = Needs(annotations=True, model=True, options=False, softmax="vocabulary")


class Settings(_settings.Settings):
    """Self-selection's own key."""

    backend: Backend = "score"
    """How the model judges: `score` compares the likelihoods of yes and no, `generate` reads
    sampled text."""


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation: its label, kept if the model does not call it wrong."""
    import numpy as np

    from annobench.targets import labelled_items, targets_in_words
    from annobench.views import check

    assert given.model is not None
    items = labelled_items(given)
    ask = partial(given.model.ask, backend=settings.backend)
    found = check(ask, items, items["given"].tolist())
    unread = found["suspicion"].isna()
    reason = np.select([unread, found["noisy"]], ["no verdict", "judged wrong"], "judged right")
    return targets_in_words(
        items, items["given"], ~found["noisy"], reason, suspicion=found["suspicion"]
    )
