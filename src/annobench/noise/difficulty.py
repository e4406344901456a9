"""Errors that grow with difficulty: annotators know less of what a model finds hard.

Annotator a knows item i with probability e_ai and otherwise guesses uniformly among all K options:

    e_ai     = e_a (1 - strength d_i)
    d_i      = (rank of 1 - p0(gold | x_i) among the task's n training items - 1/2) / n
    accuracy = mean over items of e_ai + (1 - e_ai) / K_i

p0 is the zero-shot model's; tied items share their mean rank. Ranks spread the difficulty evenly
over 0 to 1 whatever the model's confidence, so that an annotator's mean expertise in a task is
e_a (1 - strength / 2) and annotators keep their order on every item. Our reconstruction.
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
    strength: float = Field(1.0, ge=0, le=1)
    """The share of expertise that is lost on the hardest item."""


def label_accuracy(expertise: Real, options: Int, ease: Real) -> Real:
    """Mean of e_i + (1 - e_i) / K_i over items, e_i = e `ease`_i = e (1 - strength d_i):
    [annotators]."""
    return crowd.label_accuracy(expertise, luck=1 / options, known=ease)


def annotate(
    items: pd.DataFrame,
    base: pd.DataFrame | None,
    settings: Settings,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` of the training items and `tables.TRUTH`, whose expertise is the
    annotator's mean e_ai over the task's training items.

    Raises:
        AnnobenchError: a training item has no options or no gold label, or not one zero-shot
            probability for each option.
    """
    import numpy as np

    work = crowd.deal(items, settings, rng)
    p_gold = crowd.zero_shot(base, work)[np.arange(len(work.gold)), work.gold]
    ease = 1 - settings.strength * difficulty(p_gold, work.task)
    e = work.expertise_of_labels() * ease[:, None]
    label = crowd.random_errors(e, work.gold[:, None], work.options[:, None], rng)
    return work.frames(
        label,
        work.by_task(lambda e, here: label_accuracy(e, work.options[here], ease[here])),
        settings.anonymous,
        expertise=work.by_task(lambda e, here: e * ease[here].mean()),
    )


def difficulty(p_gold: Real, task: Int) -> Real:
    """d of each item, from p0(gold) and its task: between 0 and 1, 1/2 on average in each task."""
    import pandas as pd

    of_task = pd.Series(-p_gold).groupby(task)
    d: Real = ((of_task.rank() - 0.5) / of_task.transform("size")).to_numpy()
    return d
