"""Small-loss co-selection: two models, each chooses the labels that the other half learns from.

    loss of a label = - log p(y | x),    p = a short fit on the half of the items without x

Token SFT on the labels of the smallest loss in each half. From Co-teaching (Han et al., NeurIPS
2018): labels of small loss are likelier right, and a model should not choose its own, as it has
fitted their noise. Ours: there two networks exchange labels at each batch and the share kept falls
with the epochs; here each model is fitted once on its own half, judges the other's, and a third
learns from what they keep.

The halves depend on the names of the annotated items alone: equal for all seeds and noises that
label the same items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveFloat

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
    "weights",
]

NEEDS = Needs(annotations=True, model=True, softmax="vocabulary")


class Settings(_settings.Settings):
    """Small-loss co-selection's own keys."""

    keep: Annotated[float, Field(gt=0, le=1)] | None = 0.5
    """The share of each half's labels that is kept, those of the smallest loss; null keeps those in
    the lower of two Gaussians fitted to the half's losses."""
    epochs: PositiveFloat = 1.0
    """How long each judge trains."""


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """One target per annotation: its label, kept if its loss is small in its half.

    Raises:
        ValueError: fewer than two items are annotated.
    """
    import numpy as np
    import pandas as pd

    from annobench.seeds import generator
    from annobench.targets import (
        among_smallest,
        labelled_items,
        low_component,
        p_of,
        targets_in_words,
    )
    from annobench.views import of_items

    assert given.model is not None
    items = labelled_items(given)
    names = np.unique(items["item"])
    if len(names) < 2:
        raise ValueError(f"annotated items: found {len(names)}; allowed: two or more")
    order = generator("small-loss", "halves").permutation(names)
    second = items["item"].isin(order[len(order) // 2 :])
    losses = pd.Series(np.nan, items.index)
    kept = pd.Series(False, items.index)
    for number, own in enumerate((~second, second)):
        taught = targets_in_words(items[own], items["given"][own], own[own], "annotation")
        judge = given.model.fit(taught, settings.epochs, f"small-loss-{number}")
        judged = items[~own]
        losses[~own] = -np.log(p_of(of_items(judge, judged)["probabilities"], judged["label"]))
        kept[~own] = (
            low_component(losses[~own])
            if settings.keep is None
            else among_smallest(losses[~own], settings.keep)
        )
    reason = np.where(kept, "small loss", "large loss")
    return targets_in_words(items, items["given"], kept, reason, suspicion=losses)
