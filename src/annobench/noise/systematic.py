"""Systematic errors: annotators who err by a fixed wrong map of their own.

An annotator of expertise e gives the gold label y with probability e and otherwise always the same
wrong one, (y + s) mod K, where s belongs to the annotator: drawn once from 1 to K_max - 1, K_max
the most options of a training item, and taken as 1 + (s - 1) mod (K - 1) for an item of K options,
so that it never leads back to y. Our reconstruction of the paper's systematic
noise, of which only the name is known.

    accuracy = e        (1 where K = 1)
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
    """e, but 1 on items of one option: the mean over items of K `options`, [annotators]."""
    return crowd.label_accuracy(expertise, luck=(options == 1).astype(float))


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` of the training items and `tables.TRUTH`.

    Raises:
        AnnobenchError: a training item has no options or no gold label.
    """
    import numpy as np

    work = crowd.deal(items, settings, rng)
    gold, options = work.gold[:, None], work.options[:, None]
    own = rng.integers(1, max(2, options.max(initial=1)), size=len(work.expertise))
    knows = rng.random(work.who.shape) < work.expertise_of_labels()
    label = np.where(knows, gold, wrong(gold, own[work.who], options))
    accuracy = work.by_task(lambda e, of_task: label_accuracy(e, work.options[of_task]))
    return work.frames(label, accuracy, settings.anonymous)


def wrong(gold: Int, shift: Int, options: Int) -> Int:
    """What a map makes of the gold label: another of the item's options, if it has any."""
    import numpy as np

    fitting: Int = 1 + (shift - 1) % np.maximum(options - 1, 1)
    return (gold + fitting) % options
