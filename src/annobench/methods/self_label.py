"""Self-labelling: token SFT on what the untrained model itself answers, no annotation needed.

RobustFT's baseline (arXiv 2412.14922, SelfLabel). With `select` below 1 only the answers of the
smallest mean token NLL are kept: RobustFT's selection without its denoising, a comparison of ours
that the paper lacks. No noise changes either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

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
    "views",
    "weights",
]

NEEDS = Needs(options=False, softmax="vocabulary")


class Settings(_settings.Settings):
    """Self-labelling's own keys."""

    backend: Backend = "score"
    """How the model answers: `score` takes the option of the highest likelihood, `generate` reads
    sampled text."""
    select: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of answers that is kept, those of the smallest NLL; 1 keeps all."""


def views(settings: Settings) -> tuple[str, ...]:
    """The base view, by the backend."""
    return ("base",) if settings.backend == "score" else ("base-generated",)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per item: the model's answer; not kept where there is none."""
    import numpy as np
    import pandas as pd

    from annobench.targets import among_smallest, targets_in_words
    from annobench.views import answers, of_items

    (name,) = views(settings)
    view = of_items(given.views[name], given.items)
    words = pd.Series(answers(given.items, view), given.items.index, dtype=object)
    nll = view["nll"].astype(float).where(words.notna())
    kept = among_smallest(nll, settings.select)
    reason = np.select([words.isna(), ~kept], ["no answer", "not selected"], "own answer")
    return targets_in_words(given.items, words, kept, reason, nll=nll)
