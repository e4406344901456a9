"""Frames of targets, as methods build them."""

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
