"""RobustFT: detect wrong answers, relabel them, select the confident ones (arXiv 2412.14922).

Each item has one answer y, perhaps wrong, and nobody signs it. Before any training:

    (1) base answer          the plain question                                       view `base`
    (2) reasoning answer     reason, reflect, answer                             view `reasoning`
    (3) checker              clean if both answers are y, else noisy
    (5) context answer       of noisy items, after their k nearest clean items and labels
    (6) review               the context and the reasoning answer -> the new label
    (7) H = mean token NLL of the context answer
    (8) selection            keep the share beta of the noisy items with the smallest H
    (9) SFT                  on the clean and the kept items

Steps, k, beta and the rule of the checker are the paper's and its code's. Ours are the prompts, the
backend that scores options instead of reading sampled text, the checker that asks the model, and
the reading of theta, which the paper ties to no equation: neighbours are taken from the share
`confident` of the clean items with the smallest NLL of the base answer.

What an ablation leaves, where the paper does not say: without the checker no label is trusted,
every item is relabelled and every label may stand in a neighbour; without context the reasoning
answer is the new label; without reasoning the checker knows the base answer alone, and the context
answer is the new label; without the reviewer the context answer is.

In structure this is filtered self-distillation: an item whose label the model cannot itself give is
never clean. Compare `self-label` with the same `select`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from annobench import settings as _settings
from annobench.methods import Given, Needs
from annobench.methods.token_sft import expertise, learning_rate, loss, parameters, weights
from annobench.questions import Backend  # pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from annobench.questions import Ask

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

NEEDS = Needs(annotations=True, embeddings=True, model=True, options=False, softmax="vocabulary")


class Settings(_settings.Settings):
    """RobustFT's own keys; the defaults are the paper's."""

    backend: Backend = "score"
    """How the model answers: `score` takes the option of the highest likelihood, `generate` reads
    sampled text."""
    beta: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of relabelled items that is kept, those of the smallest NLL; 1 switches the
    selection off."""
    k: PositiveInt = 3
    """How many neighbours the context answer sees."""
    confident: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of clean items, those of the smallest NLL, that may be neighbours; theta."""
    checker: Literal["rule", "agent"] | None = "rule"
    """What tells clean from noisy items: `rule`, both answers are the label; `agent`, the model is
    asked; null, nothing."""
    context: bool = True
    """Whether noisy items are answered in the context of their neighbours (CER)."""
    reasoning: bool = True
    """Whether there is a reasoning answer (REL)."""
    reviewer: bool = True
    """Whether the model reviews the context and the reasoning answer."""

    @model_validator(mode="after")
    def _relabels(self) -> Settings:
        if not self.context and not self.reasoning:
            raise ValueError("context and reasoning: found false for both; allowed: one or both")
        return self


def views(settings: Settings) -> tuple[str, ...]:
    end = "" if settings.backend == "score" else "-generated"
    return (f"base{end}", f"reasoning{end}") if settings.reasoning else (f"base{end}",)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation: its label if it is clean, else the new one.

    Raises:
        ValueError: the checker finds no label clean.
    """
    import numpy as np
    import pandas as pd

    from annobench.neighbours import neighbours
    from annobench.targets import among_smallest, labelled_items, targets_in_words
    from annobench.views import answers, context, of_items, review

    assert given.model is not None
    ask = partial(given.model.ask, backend=settings.backend)
    items = labelled_items(given)
    seen = [of_items(given.views[name], items) for name in views(settings)]
    clean, suspicion = checked(ask, items, seen, settings.checker)
    if settings.checker is not None and not clean.any():
        raise ValueError(f"the checker finds none of {len(items)} items clean; allowed: some")
    noisy, thought = items[~clean], seen[-1][~clean]
    answer = new = thought
    if settings.context:
        known = clean if settings.checker is not None else ~clean
        confident = items[known][among_smallest(seen[0]["nll"][known], settings.confident)]
        answer = new = context(ask, noisy, neighbours(given, noisy, confident, settings.k))
    if settings.context and settings.reasoning and settings.reviewer:
        new = review(ask, noisy, answer, thought)
    label, nll = items["given"].copy(), pd.Series(np.nan, items.index)
    label[~clean] = answers(noisy, new)
    nll[~clean] = answer["nll"].to_numpy(float)
    kept = clean.copy()
    read = label[~clean].notna()
    kept[~clean] = among_smallest(nll[~clean].fillna(np.inf).where(read), settings.beta)
    reason = np.select(
        [clean, label.isna(), ~kept],
        ["clean", "no answer", "relabelled, not selected"],
        "relabelled",
    )
    return targets_in_words(items, label, kept, reason, suspicion, nll)


def checked(
    ask: Ask, items: pd.DataFrame, seen: Sequence[pd.DataFrame], checker: str | None
) -> tuple[pd.Series, pd.Series]:
    """Which items are clean, and how much each label is doubted, from 0 to 1.

    By the rule, the doubt is the mean over the views of 1 - p(label), or of whether the answer is
    another one where a view knows no probabilities. Without a checker no item is clean.
    """
    import numpy as np
    import pandas as pd

    from annobench.views import answers, check, doubt, says

    if checker == "agent":
        said = [answers(items, view) for view in seen]
        found = check(ask, items, items["given"].tolist(), *said)
        return pd.Series(~found["noisy"].to_numpy(bool), items.index), found["suspicion"]
    clean = np.all([says(items, view, items["given"]) for view in seen], axis=0)
    doubts = np.mean([doubt(items, view, items["given"]) for view in seen], axis=0)
    return pd.Series(clean & (checker is not None), items.index), pd.Series(doubts, items.index)
