"""Labelled items that are shown before a question: the nearest ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from annobench.questions import Example
from annobench.retrieval import nearest

if TYPE_CHECKING:
    import pandas as pd

    from annobench.methods import Given

log = logging.getLogger(__name__)


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
        raise ValueError("no label is believed: nothing to show as an example")
    if k > len(among):
        log.warning("k: found %d; only %d labelled items can be shown", k, len(among))
    vectors = given.embeddings
    places = nearest(
        vectors.loc[items["item"]].to_numpy(), vectors.loc[among["item"]].to_numpy(), k + 1
    )
    shown = [
        Example(prompt, tuple(options), label)
        for prompt, options, label in zip(
            among["prompt"], among["options"], among["given"], strict=True
        )
    ]
    names = among["item"].to_numpy()
    others = [
        [place for place in row if names[place] != item][:k]
        for item, row in zip(items["item"], places, strict=True)
    ]
    return [tuple(shown[place] for place in reversed(row)) for row in others]
