"""Methods, one file each: how a model learns from annotations.

A method is two steps: annotations to targets, targets to a model. A file `<kind>.py` defines

    NEEDS: Needs                                  what the method must be given
    class Settings(annobench.settings.Settings)   its keys in a study
    def targets(given: Given, settings) -> pd.DataFrame
        returns `tables.TARGETS`

and, if it trains,

    def parameters(given: Given, settings) -> dict[str, Tensor]
        what is learned beside the model, at its start; {} if nothing is
    def learning_rate(epoch: float, settings) -> float
        the peak learning rate of these parameters; 0 while they are frozen
    def loss(log_p, rows, parameters, settings) -> Tensor
        log_p: [N, K] log-probabilities of each target row's item, over its options or over the
        vocabulary, see `Needs.softmax`; rows: `training.rows.Rows`
        returns [N]: the loss of each target row, unweighted
    def weights(log_p, rows, parameters, settings) -> Tensor
        [N]: the weight of each target row as the method sees it after training; log_p is over the
        options
    def expertise(given: Given, targets, parameters, settings) -> pd.Series | None
        what was learned of each annotator, indexed by annotator in sorted order; or of each
        annotator in each task, indexed by (annotator, task)

These files are imported to validate a study, so they import torch, pandas and numpy inside
functions only. A method that trains as another does imports that method's functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Needs:
    """What a method must be given; a cell's axes follow from it.

    Without annotations a cell does not depend on the noise; without annotations and training it
    does not depend on the seed either.
    """

    annotations: bool = False
    annotator_ids: bool = False
    gold: bool = False
    truth: bool = False
    """The annotators' true expertise, which only a simulation knows."""
    training: bool = True
    softmax: Literal["options", "vocabulary"] = "options"
    """What an option's training probability is normalised over: the item's options (the restricted
    softmax), or the vocabulary at each of the option's tokens. Predictions are always the former.
    """


@dataclass(frozen=True)
class Given:
    """What a method learns from."""

    items: pd.DataFrame
    """The training items, `tables.ITEMS`."""
    annotations: pd.DataFrame | None = None
    """`tables.ANNOTATIONS` of these items, if the method needs them."""
    truth: pd.DataFrame | None = None
    """`tables.TRUTH`, if the method needs it."""

    @cached_property
    def annotators(self) -> list[str]:
        """Sorted; `Rows.annotator` counts in this order."""
        if self.annotations is None:
            return []
        return sorted(self.annotations["annotator"].dropna().unique())

    @cached_property
    def tasks(self) -> list[str]:
        """Sorted; `Rows.task` counts in this order."""
        return sorted(self.items["task"].unique())
