"""Held-out likelihood: how well a cell foretells annotations of test items, no gold label needed.

Negative log-likelihood, in nats per annotation, of label y that annotator a gave to item x:

    q(y|x,a) = e_a p(y|x) + (1 - e_a)/K

with the cell's probabilities p and its learned expertise e, cut to [0, 1]; in an item's task where
it was learned by task. An annotator whom training did not meet has the mean expertise. A cell that
learned no expertise is scored by p alone.

Our reconstruction: the mixture is REALM's, turned into a measure. It favours methods with an
annotator model of this form: they know whose labels to doubt, while one without is punished for
being sure of anything that a poor annotator denies. Among methods without annotator model, one that
fits the annotators' errors can beat one that finds the truth.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from annobench.evaluation.intervals import Score
from annobench.evaluation.metrics.nll import FLOOR

NAME = "heldout-nll"
LABEL = "held-out NLL"
HIGHER_IS_BETTER = False


@dataclass(frozen=True)
class Labels:
    """Held-out annotations, equal ones once."""

    item: np.ndarray
    """[A] place of the item among the items"""
    label: np.ndarray
    """[A]"""
    count: np.ndarray
    """[A] how often it was given"""
    who: pd.MultiIndex
    """[A] annotator, or none, and task of the item"""
    options: np.ndarray
    """[items] how many options each has"""


def score(p: np.ndarray, labels: Labels, annotators: pd.DataFrame | None) -> Score:
    """The measure as a function of the items' weights; an item's labels count together.

    Args:
        p: [items, K], the cell's probabilities.
        annotators: table `tables.ANNOTATORS`, or None.
    """
    on_label = p[labels.item, labels.label]
    if annotators is not None:
        e = expertise(annotators, labels.who)
        on_label = e * on_label + (1 - e) / labels.options[labels.item]
    losses = -np.log(np.maximum(on_label, FLOOR)) * labels.count
    loss = np.bincount(labels.item, losses, len(p))
    count = np.bincount(labels.item, labels.count, len(p))

    def value(weights: np.ndarray) -> np.ndarray:
        means: np.ndarray = (weights @ loss) / (weights @ count)
        return means

    return value


def expertise(annotators: pd.DataFrame, who: pd.MultiIndex) -> np.ndarray:
    """[A] learned expertise in [0, 1]: in the task, else over all tasks, else everyone's mean."""
    learned = annotators.set_index(["annotator", "task"])["expertise"].clip(0, 1)
    overall = pd.MultiIndex.from_arrays([who.get_level_values(0), ["all"] * len(who)])
    found = learned.reindex(who).to_numpy()
    found = np.where(np.isnan(found), learned.reindex(overall).to_numpy(), found)
    return np.where(np.isnan(found), learned.mean(), found)
