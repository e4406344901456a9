"""Annotate: one draw of annotations of the training items."""

import pandas as pd

from annobench.registry import component
from annobench.seeds import generator
from annobench.settings import Settings


def annotate(
    items: pd.DataFrame,
    dataset: str,
    noise: str,
    kind: str,
    settings: Settings,
    seed: int,
    base: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` and `tables.TRUTH`; every method sees the same ones.

    `base` is table `tables.PREDICTIONS` of all items under the noise's judge, if it has one.
    """
    annotations: pd.DataFrame
    truth: pd.DataFrame
    annotations, truth = component("noise", kind).annotate(
        items, base, settings, generator("annotations", dataset, noise, seed)
    )
    return annotations, truth
