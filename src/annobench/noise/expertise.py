"""Random errors: annotators who either know the truth or guess.

An annotator of expertise e gives the gold label with probability e and otherwise one of all K
options, drawn uniformly. Our reconstruction of REALM's random noise.

    accuracy = e + (1 - e) / K
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import crowd
from annobench.crowd import has_annotator_ids, has_truth, judge

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from annobench.crowd import Int, Real

__all__ = ["Settings", "annotate", "has_annotator_ids", "has_truth", "judge", "label_accuracy"]


class Settings(crowd.Crowd):
    pass


def label_accuracy(expertise: Real, options: Int) -> Real:
    """Mean of e + (1 - e) / K over items of K `options`: [annotators]."""
    return crowd.label_accuracy(expertise, luck=1 / options)


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` of the training items and `tables.TRUTH`.

    Raises:
        AnnobenchError: a training item has no options or no gold label.
    """
    work = crowd.deal(items, settings, rng)
    label = crowd.random_errors(
        work.expertise_of_labels(), work.gold[:, None], work.options[:, None], rng
    )
    accuracy = work.by_task(lambda e, of_task: label_accuracy(e, work.options[of_task]))
    return work.frames(label, accuracy, settings.anonymous)
