"""Labelled items that are shown before a question: the nearest ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from annobench.questions import Example
from annobench.retrieval import nearest

if TYPE_CHECKING:
    from annobench.methods import Given

log = logging.getLogger(__name__)


def by_item(embeddings: pd.DataFrame) -> pd.DataFrame:
    """`tables.EMBEDDINGS` as one row of numbers for each item, indexed by item."""
    return pd.DataFrame(np.stack(embeddings["vector"].tolist()), index=embeddings["item"])


def neighbours(
    given: Given, items: pd.DataFrame, among: pd.DataFrame, k: int
) -> list[tuple[Example, ...]]:
    """Of each item the k nearest others with their labels, the nearest last.

    `items` are `tables.ITEMS`, `among` rows of `targets.labelled_items`; an item that has several
    labels is shown with the first of them. Fewer than k are shown, with a warning, where there are
    not so many.

    Raises:
        ValueError: `among` is empty.
    """
    assert given.embeddings is not None
    among = among.drop_duplicates("item")
    if among.empty:
        raise ValueError("no labelled item to show as an example: found 0; allowed: one or more")
    if k > len(among):
        log.warning("k: found %d; only %d labelled items can be shown", k, len(among))
    vectors = given.embeddings
    own = pd.Index(among["item"]).get_indexer(items["item"])
    asked, known = (vectors.loc[frame["item"]].to_numpy() for frame in (items, among))
    shown = [
        Example(prompt, tuple(options), label)
        for prompt, options, label in zip(
            among["prompt"], among["options"], among["given"], strict=True
        )
    ]
    places = nearest(asked, known, k, own).tolist()
    return [tuple(shown[place] for place in reversed(row)) for row in places]
