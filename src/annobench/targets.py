"""Frames of targets, as methods build them."""

import numpy as np
import pandas as pd


def one_hot(labels: pd.Series, options: pd.Series) -> list[list[float]]:
    """One row per label: probability 1 on the label among that row's number of options."""
    return [np.eye(k)[label].tolist() for label, k in zip(labels, options, strict=True)]


def option_counts(items: pd.DataFrame) -> pd.Series:
    """Number of options, indexed by item."""
    return pd.Series(items["options"].map(len).to_numpy(), index=items["item"], name="options")


def target_frame(
    items: pd.Series | list[str],
    distributions: pd.Series | list[list[float]],
    reason: str,
    annotators: pd.Series | None = None,
) -> pd.DataFrame:
    """`tables.TARGETS` with every row kept at weight 1."""
    return pd.DataFrame(
        {
            "item": list(items),
            "annotator": None if annotators is None else list(annotators),
            "distribution": list(distributions),
            "weight": 1.0,
            "kept": True,
            "reason": reason,
        }
    )


def chance_corrected_agreement(
    annotations: pd.DataFrame | None, targets: pd.DataFrame
) -> pd.Series | None:
    """Each annotator's agreement with one target per item: 1 is always right, 0 is a guesser.

    The mean over the annotator's labels y of (t_y - 1/K) / (1 - 1/K), t the item's target
    distribution over K options. None if annotators are unknown. Our reconstruction: the form
    (K s - 1)/(K - 1) of papers/realm.md with the expected accuracy for s.
    """
    if annotations is None or annotations["annotator"].isna().any():
        return None
    target = targets.set_index("item")["distribution"]
    options = annotations["item"].map(target.map(len)).to_numpy()
    chosen = np.array(
        [
            target[item][label]
            for item, label in zip(annotations["item"], annotations["label"], strict=True)
        ]
    )
    agreement = pd.Series((chosen * options - 1) / (options - 1))
    return agreement.groupby(annotations["annotator"].to_numpy()).mean().sort_index()
