"""NoiseAL-style: a strong and a weak model vote on each label; what they find wrong is relabelled.

After ACL 2024, long 592, which is made for text classifiers. The paper's: a strong and a weak
model predict together, a dynamic threshold splits the labels, and a language model relabels after
examples from the clean part. Our reconstruction: how, and that both models are one:

    p_s      option probabilities of the untrained model (view `base`)
    p_t      those after t epochs on the noisy labels, t = 1 ... rounds, each a fit of its own
    m_0      = p_s(y),    m_t = momentum m_(t-1) + (1 - momentum) p_t(y)
    sure     of a label whose -log m belongs to the lower of two Gaussians fitted to all labels

    both choose y, and sure                              kept
    both choose another label, or both y but not sure    relabelled after k nearest kept items
    they choose different ones                           dropped

The weak model that votes is the last round's. "Not sure" is how we read that both are unsure. The
paper's reversed cross-entropy on relabelled items and its mix-up on hard ones are left out: what is
kept and what is relabelled is learned alike, by token SFT.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveInt

from annobench import settings as _settings
from annobench.methods import Given, Needs
from annobench.methods.token_sft import expertise, learning_rate, loss, parameters, weights

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

NEEDS = Needs(annotations=True, embeddings=True, model=True, softmax="vocabulary")


class Settings(_settings.Settings):
    """The keys of the NoiseAL-style method, all ours."""

    momentum: Annotated[float, Field(ge=0, le=1)] = 0.9
    """How much of a label's confidence stays at each round."""
    rounds: PositiveInt = 1
    """How many weak models there are; the one of round t trains for t epochs."""
    k: PositiveInt = 3
    """How many kept items are shown before an item that is relabelled."""


def views(settings: Settings) -> tuple[str, ...]:
    """The strong model's."""
    return ("base",)


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation: its label, or the new one.

    Raises:
        ValueError: labels are to be relabelled, and none is kept.
    """
    import numpy as np

    from annobench.neighbours import neighbours
    from annobench.targets import labelled_items, low_component, p_of, targets_in_words
    from annobench.views import answers, context, of_items

    assert given.model is not None
    items = labelled_items(given)
    noisy = targets_in_words(items, items["given"], [True] * len(items), "annotation")
    strong = weak = of_items(given.views["base"], items)["probabilities"]
    m = p_of(strong, items["label"])
    for epochs in range(1, settings.rounds + 1):
        fitted = given.model.fit(noisy, epochs, f"noise-al-{epochs}")
        weak = of_items(fitted, items)["probabilities"]
        m = settings.momentum * m + (1 - settings.momentum) * p_of(weak, items["label"])
    agree = strong.map(np.argmax) == weak.map(np.argmax)
    kept = agree & (strong.map(np.argmax) == items["label"]) & low_component(-np.log(m))
    again = agree & ~kept
    words = items["given"].copy()
    if again.any():
        examples = neighbours(given, items[again], items[kept], settings.k)
        view = context(partial(given.model.ask, backend="score"), items[again], examples)
        words[again] = answers(items[again], view)
    reason = np.select([kept, again], ["both models sure", "relabelled"], "models disagree")
    return targets_in_words(items, words, agree, reason, suspicion=1 - m)
