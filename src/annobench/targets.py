"""Frames of targets, as methods build them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from annobench.methods import Given
from annobench.tables import stack


def one_hot(labels: pd.Series, options: pd.Series) -> list[tuple[float, ...]]:
    """One row per label: probability 1 on the label among that row's number of options.

    Equal rows are one object, so that a million of them fit.

    Raises:
        IndexError: a label is not below its number of options.
    """
    rows = {k: tuple(map(tuple, np.eye(int(k)).tolist())) for k in options.unique()}
    return [rows[k][label] for label, k in zip(labels, options, strict=True)]


def option_counts(items: pd.DataFrame) -> pd.Series:
    """Number of options, indexed by item."""
    return pd.Series(items["options"].map(len).to_numpy(), index=items["item"], name="options")


def target_frame(
    items: pd.Series | list[str],
    distributions: pd.Series | Sequence[Sequence[float]],
    reason: str,
    annotators: pd.Series | None = None,
) -> pd.DataFrame:
    """`tables.TARGETS` with every row kept at weight 1."""
    return pd.DataFrame(
        {
            "item": pd.Series(items).array,
            "annotator": None if annotators is None else annotators.array,
            "distribution": pd.Series(list(distributions), dtype=object),
            "weight": 1.0,
            "kept": True,
            "reason": reason,
        }
    )


def is_free_text(items: pd.DataFrame) -> bool:
    """Whether `tables.ITEMS` ask for free text: they have no options."""
    return not items["options"].map(len).any()


def free_text_targets(items: pd.Series, texts: pd.Series, reason: str) -> pd.DataFrame:
    """`tables.TARGETS` of one free text for each item."""
    return target_frame(items, [(1.0,)] * len(items), reason).assign(text=texts.to_numpy())


def aggregated(
    given: Given, posterior: Callable[[pd.DataFrame, pd.Series], pd.DataFrame], reason: str
) -> pd.DataFrame:
    """`tables.TARGETS` with one row per annotated item, by a function of `annobench.aggregation`.

    Raises:
        AnnobenchError: a label is not one of its item's options, or lacks a name that is needed.
    """
    assert given.annotations is not None
    labels = posterior(given.annotations, option_counts(given.items))
    return target_frame(labels["item"], labels["distribution"], reason)


def chance_corrected_agreement(
    annotations: pd.DataFrame | None, targets: pd.DataFrame
) -> pd.Series | None:
    """Each annotator's agreement with one target per item: 1 is always right, 0 is a guesser.

    The mean over the annotator's labels y of (t_y - 1/K) / (1 - 1/K), t the item's target
    distribution over K options. None if annotators are unknown. Our reconstruction: the form
    (K s - 1)/(K - 1) that turns a label's accuracy s into REALM's beta, with its expectation.
    """
    if annotations is None or annotations["annotator"].isna().any():
        return None
    options = targets["distribution"].map(len).to_numpy()
    chosen = stack(targets["distribution"], int(options.max(initial=1)))
    rows = pd.Series(np.arange(len(targets)), index=targets["item"])
    row = rows.loc[annotations["item"]].to_numpy()
    K = options[row]
    t = chosen[row, annotations["label"].to_numpy(np.int64)]
    agreement = pd.Series((t * K - 1) / (K - 1))
    return agreement.groupby(annotations["annotator"].to_numpy()).mean().sort_index()


def labelled_items(given: Given) -> pd.DataFrame:
    """`tables.ITEMS` of the annotated training items, with a column `given`: the label in words.

    Raises:
        ValueError: an item has more than one label.
    """
    labels = given.annotations
    assert labels is not None
    twice = labels["item"][labels["item"].duplicated()]
    if len(twice):
        raise ValueError(f"item {twice.iloc[0]!r} has several labels; allowed: one")
    labels = labels.reindex(columns=["item", "label", "text"])
    items = given.items.merge(labels, on="item", validate="one_to_one")
    words = [
        options[int(label)] if len(options) else text
        for options, label, text in zip(
            items["options"], items["label"], items["text"], strict=True
        )
    ]
    return items.drop(columns=["label", "text"]).assign(given=words)


def targets_in_words(
    items: pd.DataFrame, words: pd.Series, kept: pd.Series, reason: Sequence[str], **more: pd.Series
) -> pd.DataFrame:
    """`tables.TARGETS` of one answer in words for each item, an option's text or free text; `more`
    are other columns."""
    free = (items["options"].map(len) == 0).to_numpy()
    distributions = [
        tuple(np.eye(len(options))[list(options).index(word)].tolist()) if len(options) else (1.0,)
        for word, options in zip(words, items["options"], strict=True)
    ]
    frame = target_frame(items["item"], distributions, "")
    columns = {"kept": kept, "reason": reason, "text": words.where(free, None)} | more
    return frame.assign(**{name: np.asarray(values) for name, values in columns.items()})


def among_smallest(values: pd.Series, share: float) -> pd.Series:
    """Which values are among the smallest, a share of all, rounded up; nulls never are."""
    return values.rank(method="first") <= math.ceil(share * values.notna().sum())
