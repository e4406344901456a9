"""What decides a cell's result, and its model as a scorer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pandas as pd
import torch
from torch import Tensor

from annobench.models.asking import Asker
from annobench.models.decoder import States
from annobench.models.settings import Model
from annobench.models.tokens import TokenItem
from annobench.models.tuning import Scorer, load_scorer, recompute_activations
from annobench.settings import Settings
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing
from annobench.training.precision import pick_device, store_frozen
from annobench.training.settings import Training

NEVER = Checkpointing(Path("never"), math.inf, "")
"""Of training on the way to something else, which is not saved."""


@dataclass(frozen=True)
class Job:
    """Everything that decides one cell's result."""

    items: pd.DataFrame
    """`tables.ITEMS`, in the order of `tokens`."""
    annotations: pd.DataFrame | None
    truth: pd.DataFrame | None
    """`tables.TRUTH`, where the method may know it."""
    tokens: list[TokenItem]
    states: States | None
    folder: Path
    """The model's folder."""
    model: Model
    method: ModuleType
    settings: Settings
    training: Training
    stream: tuple[str | int, ...]
    """Names of what initialisation, order and dropout may depend on."""
    asker: Asker
    """The untrained model, to be asked."""
    answers: Path
    """The folder where its answers are kept."""
    answers_recipe: str
    """What decides these answers, beside the questions."""
    views: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """`tables.VIEW`, those that the method reads."""
    embeddings: pd.DataFrame | None = None
    """One row per item, if the method needs them."""
    export: bool = False
    """Whether to keep the trained parameters."""
    reward_model: Path | None = None
    """The folder of what judges responses, if the data set names such a model."""


@dataclass(frozen=True)
class Trained:
    """A cell's tables, what it cost, and its trained parameters if they are to be kept."""

    targets: pd.DataFrame
    predictions: pd.DataFrame
    annotators: pd.DataFrame
    history: pd.DataFrame
    train_seconds: float
    row_tokens: int
    """Most tokens in a row in the end, see `models.memory`."""
    parameters: dict[str, Tensor]
    trained_parameters: int
    """Of the model."""
    rollouts_per_second: float | None = None
    """Per second of sampling them, by a method with rollouts."""
    rollout_share: float | None = None
    """The share of the training time that sampling took."""


def scorer_of(job: Job, tokens: list[TokenItem], states: States | None) -> Scorer:
    """The part of the cell's model that is trained, over these items.

    Raises:
        AnnobenchError: the model cannot be loaded, scored or tuned so.
    """
    scorer = load_scorer(
        job.folder,
        job.model,
        tokens,
        states,
        job.training.row_tokens,
        pick_device(),
        job.stream,
    )
    store_frozen(scorer.model, job.training.precision)
    if job.training.gradient_checkpointing:
        recompute_activations(scorer.model)
    return scorer


@torch.no_grad()
def put(scorer: Scorer, learned: Mapping[str, Tensor]) -> None:
    """Set the trained parameters of a scorer's model."""
    for name, parameter in trained(scorer.model).items():
        parameter.copy_(learned[name])
