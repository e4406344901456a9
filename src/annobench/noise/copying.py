"""Correlated errors: some annotators copy the labels of a leader.

A share `copiers` of the annotators, chosen at random, each follow one of `leaders` others, also
chosen at random and followed by equally many copiers (to within one). A copier's label is, with
probability c = `copying`, the label that its leader gives to the item, drawn once for the item if
the leader is not among its annotators, so that all who copy agree; otherwise it is the copier's
own. Own labels are the truth with probability e, else uniform over all K. Our reconstruction.

    own      = e + (1 - e) / K
    accuracy = own for who does not copy, c own(leader) + (1 - c) own for a copier
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from annobench import crowd
from annobench.crowd import has_annotator_ids, has_truth, judge

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from annobench.crowd import Int, Real

__all__ = ["Settings", "annotate", "has_annotator_ids", "has_truth", "judge", "label_accuracy"]


class Settings(crowd.Crowd):
    copiers: float = Field(0.4, gt=0, lt=1)
    """The share of the annotators who copy, rounded to a whole number of them."""
    leaders: int = Field(1, ge=1)
    """How many annotators are copied; none of them copies."""
    copying: float = Field(0.8, ge=0, le=1)
    """How often a copier copies."""

    @model_validator(mode="after")
    def _enough_leaders_and_copiers(self) -> Settings:
        most = min(self.copier_count, len(self.expertise) - self.copier_count)
        if self.leaders > most:
            raise ValueError(
                f"leaders: found {self.leaders} for {self.copier_count} copiers among"
                f" {len(self.expertise)} annotators; allowed: no more than there are copiers, nor"
                " than there are others"
            )
        return self

    @property
    def copier_count(self) -> int:
        """How many annotators copy."""
        return round(self.copiers * len(self.expertise))


def label_accuracy(expertise: Real, options: Int, leader: Int, copying: float) -> Real:
    """Mean accuracy over items of K `options`, [annotators].

    leader: the position of whom each annotator copies, its own for who does not copy.
    """
    own = crowd.label_accuracy(expertise, luck=1 / options)
    return copying * own[leader] + (1 - copying) * own


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` of the training items and `tables.TRUTH`, whose expertise is the
    annotators' own, of copiers too; what copying makes of it shows in the accuracy.

    Raises:
        AnnobenchError: a training item has no options or no gold label.
    """
    import numpy as np

    work = crowd.deal(items, settings, rng)
    annotators = len(work.expertise)
    leader = leaders(annotators, settings.copier_count, settings.leaders, rng)
    copies = rng.random(work.who.shape) < settings.copying
    source = np.where(copies, leader[work.who], work.who)
    # One label for each item and whom it comes from, however many give it.
    pair = np.arange(len(work.item))[:, None] * annotators + source
    drawn, position = np.unique(pair, return_inverse=True)
    item, giver = np.divmod(drawn, annotators)
    e = work.expertise[giver, work.task[item]]
    label = crowd.random_errors(e, work.gold[item], work.options[item], rng)[position]
    accuracy = work.by_task(
        lambda e, here: label_accuracy(e, work.options[here], leader, settings.copying)
    )
    return work.frames(label.reshape(work.who.shape), accuracy, settings.anonymous)


def leaders(annotators: int, copiers: int, leaders: int, rng: np.random.Generator) -> Int:
    """Whom each annotator copies, [annotators]: a leader, or itself if it does not copy."""
    import numpy as np

    order = rng.permutation(annotators)
    followed = np.arange(annotators)
    followed[order[:copiers]] = order[copiers + np.arange(copiers) % leaders]
    return followed
