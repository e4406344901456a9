"""Errors towards what people say: annotators answer as a person of the crowd would, or guess.

An annotator of expertise e draws the label from the item's human distribution p_i with probability
e and otherwise guesses uniformly among all K options. So even the best annotators disagree, most of
all where people do. Right is the majority label, of a tie either one. Our reconstruction.

    accuracy = mean over items of e max(p_i) + (1 - e) / K_i
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import crowd
from annobench.crowd import has_annotator_ids, has_truth, judge
from annobench.errors import AnnobenchError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from annobench.crowd import Int, Real

__all__ = ["Settings", "annotate", "has_annotator_ids", "has_truth", "judge", "label_accuracy"]


class Settings(crowd.Crowd):
    pass


def label_accuracy(expertise: Real, options: Int, majority: Real) -> Real:
    """Mean of e m_i + (1 - e) / K_i over items of K `options` and `majority` share m: [annotators].

    As 1 less what is missed, so that rounding cannot leave 0 to 1.
    """
    accuracy: Real = 1 - (
        expertise * (1 - majority).mean() + (1 - expertise) * (1 - 1 / options).mean()
    )
    return accuracy


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` of the training items and `tables.TRUTH`; no gold labels are needed.

    Raises:
        AnnobenchError: a training item has no options or no distribution.
    """
    import numpy as np

    train = items[items["split"] == "train"]
    p = _shares(train)
    work = crowd.deal(train.assign(gold=p.argmax(axis=1)), settings, rng)
    shape = work.who.shape
    knows = rng.random(shape) < work.expertise_of_labels()
    human = drawn(p, rng.random(shape))
    guess = rng.integers(0, work.options[:, None], size=shape)
    accuracy = work.by_task(
        lambda e, here: label_accuracy(e, work.options[here], p[here].max(axis=1))
    )
    return work.frames(np.where(knows, human, guess), accuracy, settings.anonymous)


def drawn(p: Real, u: Real) -> Int:
    """Options drawn from distributions p [items, K] by uniform numbers u [items, m]: [items, m]."""
    import numpy as np

    reached = np.cumsum(p, axis=1)
    reached /= reached[:, -1:]  # exactly 1 at the last option of any share, and u is below 1
    found: Int = (u[:, :, None] >= reached[:, None, :]).sum(axis=2)
    return found


def _shares(train: pd.DataFrame) -> Real:
    """The human distributions, [items, most options], 0 beyond an item's own."""
    from annobench.tables import stack

    given = train.reindex(columns=["distribution"])["distribution"]
    missing = train["item"][given.isna() | (train["options"].map(len) == 0)]
    if len(missing):
        raise AnnobenchError(
            f"item {missing.iloc[0]!r}: found no options or no distribution;"
            " allowed for annotators of kind `ambiguity`: data with people's labels"
        )
    return stack(given, int(given.map(len).max()) if len(given) else 1)
