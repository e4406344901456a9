"""Self-RAG: no training; each question comes after its nearest training items and their labels.

RobustFT's baseline (arXiv 2412.14922, SelfRAG, as its code has it), not the method that Asai et al.
gave that name. The labels are shown as they were given, wrong ones too. Ours: the words of the
prompt (`annobench.views.context`); options are always scored, so that they are measured as every
method's; and of an item with several labels the first is shown, by the annotators' names.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from annobench import settings as _settings
from annobench.methods import Given, Needs
from annobench.methods.zero_shot import targets

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NEEDS", "Settings", "predictions", "targets"]

NEEDS = Needs(annotations=True, training=False, embeddings=True, model=True, options=False)


class Settings(_settings.Settings):
    """Self-RAG's own key."""

    k: PositiveInt = 3
    """How many labelled items are shown; all, if there are not so many."""


def predictions(given: Given, settings: Settings) -> pd.DataFrame:
    """Answers to `given.unseen`, in its order: `tables.PREDICTIONS`.

    Raises:
        ValueError: there is no annotation.
    """
    from annobench.neighbours import neighbours
    from annobench.targets import labelled_items
    from annobench.views import context

    assert given.model is not None
    assert given.unseen is not None
    examples = neighbours(given, given.unseen, labelled_items(given), settings.k)
    view = context(partial(given.model.ask, backend="score"), given.unseen, examples)
    return view[["item", "probabilities", "text"]]
