"""One draw of annotations as `evaluate` sees it, and what it holds."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Crowd:
    """What the annotators of a (data set, noise, seed) gave."""

    dataset: str
    noise: str
    seed: int
    annotations: pd.DataFrame
    """`tables.ANNOTATIONS`; labels of test items are held out from training."""
    truth: pd.DataFrame
    """`tables.TRUTH`, empty where the annotators were not simulated."""

    @property
    def key(self) -> dict[str, Any]:
        return {"dataset": self.dataset, "noise": self.noise, "seed": self.seed}


def measure(crowd: Crowd, items: pd.DataFrame) -> dict[str, Any]:
    """A row of `tables.CROWDS`, of the annotations of the training items of `tables.ITEMS`."""
    train = items.loc[items["split"] == "train", ["item", "task", "gold"]]
    labels = crowd.annotations.merge(train, on="item", validate="many_to_one")
    annotated = labels["item"].nunique()
    simulated = labels.merge(crowd.truth, on=["annotator", "task"], validate="many_to_one")
    return crowd.key | {
        "annotators": labels["annotator"].nunique(),
        "annotations": len(labels),
        "items": annotated,
        "labels_per_item": len(labels) / annotated if annotated else None,
        "label_accuracy": _mean(_right(labels)),
        "expected_accuracy": _mean(simulated["accuracy"]),
    }


def _right(labels: pd.DataFrame) -> pd.Series:
    """Of the labels whose truth is known: by the noise itself, else by the gold label."""
    corrupted = labels["corrupted"].dropna()
    if len(corrupted):
        return ~corrupted.astype(bool)
    known = labels[labels["gold"].notna()]
    return known["label"] == known["gold"]


def _mean(values: pd.Series) -> float | None:
    return float(values.astype(float).mean()) if len(values) else None
