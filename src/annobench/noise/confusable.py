"""Errors towards the likeliest wrong option: annotators are misled as a model would be.

An annotator of expertise e gives the gold label with probability e. A `share` of the errors is the
wrong option that the zero-shot model finds likeliest (of equals, the first), the rest is uniform
over all wrong options. So annotators err alike, and a vote cannot mend it. Our reconstruction.

    accuracy = e        (1 where K = 1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from annobench import crowd
from annobench.crowd import has_annotator_ids, has_truth, judge

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from annobench.crowd import Int, Real

__all__ = ["Settings", "annotate", "has_annotator_ids", "has_truth", "judge", "label_accuracy"]


class Settings(crowd.JudgedCrowd):
    share: float = Field(1.0, ge=0, le=1)
    """The share of errors that go to the wrong option that the model finds likeliest; the others
    are uniform over all wrong options."""


def label_accuracy(expertise: Real, options: Int) -> Real:
    """e, but 1 on items of one option: the mean over items of K `options`, [annotators]."""
    return crowd.label_accuracy(expertise, luck=(options == 1).astype(float))


def annotate(
    items: pd.DataFrame,
    base: pd.DataFrame | None,
    settings: Settings,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` of the training items and `tables.TRUTH`.

    Raises:
        AnnobenchError: a training item has no options or no gold label, or not one zero-shot
            probability for each option.
    """
    import numpy as np

    work = crowd.deal(items, settings, rng)
    gold, options = work.gold[:, None], work.options[:, None]
    tempting = likeliest_wrong(crowd.zero_shot(base, work), work.gold)[:, None]
    shape = work.who.shape
    knows = rng.random(shape) < work.expertise_of_labels()
    tempted = rng.random(shape) < settings.share
    other = (gold + rng.integers(1, np.maximum(options, 2), size=shape)) % options
    label = np.where(knows, gold, np.where(tempted, tempting, other))
    accuracy = work.by_task(lambda e, of_task: label_accuracy(e, work.options[of_task]))
    return work.frames(label, accuracy, settings.anonymous)


def likeliest_wrong(p: Real, gold: Int) -> Int:
    """The likeliest option but gold, [items]; the gold one where there is no other.

    p: [items, options], -inf beyond an item's own options.
    """
    import numpy as np

    row = np.arange(len(gold))
    others = p.copy()
    others[row, gold] = -np.inf
    best: Int = others.argmax(axis=1) if len(row) else gold
    return np.where(np.isneginf(others[row, best]), gold, best)
