"""Annotate: one draw of annotations of the training items."""

import pandas as pd

from annobench.registry import component
from annobench.seeds import generator
from annobench.settings import Settings


def annotate(
    items: pd.DataFrame,
    base: pd.DataFrame | None,
    dataset: str,
    noise: str,
    kind: str,
    settings: Settings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` and `tables.TRUTH`; every method sees the same ones."""
    annotations: pd.DataFrame
    truth: pd.DataFrame
    how = component("noise", kind)
    stream = generator("annotations", dataset, getattr(how, "STREAM", noise), seed)
    annotations, truth = how.annotate(items, base, settings, stream)
    return annotations, truth
