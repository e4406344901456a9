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
        annotator in each task, indexed by (annotator, task). From labels alone, by a method of
        preferences or one that trains nothing: a frame of the columns expertise, and low and high
        of an interval

A method that looks at what the model itself says of the items also defines

    def views(settings) -> tuple[str, ...]        the names of `VIEWS` that it reads

one that learns by reinforcement from distributions that the model writes down
(`Needs.rollouts`), see `shala`, also

    def reward(said, human, options, settings) -> np.ndarray
        of n rollouts: said and human [n, K], said NaN where it cannot be read; options [n]
        returns [n]
    def advantage(rewards, human, options, settings) -> np.ndarray
        of P groups of rollouts: rewards [P, G], human [P, K], options [P]; returns [P, G]

and one that trains nothing but answers in a way of its own

    def predictions(given: Given, settings) -> pd.DataFrame
        returns `tables.PREDICTIONS` of all items but the training items, or none of a method that
        only estimates

These files are imported to validate a study, so they import torch, pandas and numpy inside
functions only. A method that trains as another does imports that method's functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    import pandas as pd

    from annobench.questions import Backend, Question
    from annobench.settings import Settings

VIEWS = ("base", "reasoning", "base-generated", "reasoning-generated", "responses")
"""What the untrained model says of every item, see `annobench.views`; with or without thinking
about it first, by the backend that scores options or by the one that generates text; `responses`
are its own responses to the prompts of test items."""


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
    embeddings: bool = False
    """Sentence embeddings of the items' prompts."""
    model: bool = False
    """The model that the cell trains, to ask it or to train it on the way."""
    options: bool = True
    """Options to choose among: without this need, a method also learns from free text."""
    verbal: bool = False
    """It teaches the model to write distributions down: the study says how with `views.verbal`.
    Each item's distribution is the mean of its kept targets', by weight."""
    preferences: bool = False
    """It learns from comparisons of two responses to a prompt, see `data`: `loss` gets, in the
    place of log_p, each response's log-ratio log p / p_0 to the model before training."""
    rollouts: bool = False
    """It learns from what the model writes, by `reward` and `advantage`, and not by `loss`."""
    softmax: Literal["options", "vocabulary"] = "options"
    """What an option's training probability is normalised over: the item's options (the restricted
    softmax), or the vocabulary at each of the option's tokens. Predictions are always the former.
    """


class Model(Protocol):
    """The untrained model of a cell."""

    def ask(self, questions: Sequence[Question], backend: Backend) -> pd.DataFrame:
        """`tables.VIEW`, one row for each question, in their order.

        Answers are kept on disk: the same questions are answered once in a study.
        """
        ...

    def fit(self, targets: pd.DataFrame, epochs: float, name: str) -> pd.DataFrame:
        """`tables.PREDICTIONS` of all items by a copy of the model that trained on `targets`
        (`tables.TARGETS`) as `token_sft` does; `name` names its random streams."""
        ...

    def expertise(self, method: ModuleType, settings: Settings, training: Settings) -> pd.Series:
        """What another method would learn of each annotator in this cell's place, indexed by
        annotator; `training` holds what differs from the cell's training settings."""
        ...


@dataclass(frozen=True)
class Given:
    """What a method learns from."""

    items: pd.DataFrame
    """The training items, `tables.ITEMS`."""
    annotations: pd.DataFrame | None = None
    """`tables.ANNOTATIONS` of these items, if the method needs them."""
    truth: pd.DataFrame | None = None
    """`tables.TRUTH`, if the method needs it."""
    unseen: pd.DataFrame | None = None
    """The items that are not for training, `tables.ITEMS`, if the method has `predictions`."""
    views: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """`tables.VIEW` of all items, by name, of the views that the method reads."""
    embeddings: pd.DataFrame | None = None
    """Unit vectors, one row per item (all items), indexed by item, if the method needs them."""
    model: Model | None = None
    """If the method needs it."""

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
