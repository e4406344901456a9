"""The training loop: batches of items, every item scored once, all its labels in the loss."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.optim import Optimizer

from annobench.clock import phase
from annobench.methods import Given
from annobench.models.memory import in_smaller_rows
from annobench.models.tuning import Scorer
from annobench.seeds import generator, seed_of
from annobench.settings import Settings
from annobench.training import checkpoint
from annobench.training.precision import arithmetic, computed
from annobench.training.rows import Rows
from annobench.training.settings import Training

log = logging.getLogger(__name__)


class DivergedError(Exception):
    """The loss, its gradient or a prediction is no longer finite."""


@dataclass(frozen=True)
class Objective:
    """What is minimised: a method's loss over its target rows."""

    method: ModuleType
    """A module of `annobench.methods`."""
    settings: Settings
    given: Given
    rows: Rows
    """`rows.item` numbers the scorer's items."""
    reference: Tensor | None = None
    """[items, K] the scores of the model before training, for a method of preferences."""

    @cached_property
    def items(self) -> np.ndarray:
        """Numbers of the items that have targets, ascending."""
        return np.unique(self.rows.item.numpy())

    def parameters(self, device: torch.device) -> dict[str, Tensor]:
        own = self.method.parameters(self.given, self.settings)
        return {name: value.to(device).requires_grad_(True) for name, value in own.items()}

    def learning_rate(self, epoch: float) -> float:
        return float(self.method.learning_rate(epoch, self.settings))

    def row_losses(
        self, numbers: np.ndarray, scores: Tensor, rows: Rows, extra: dict[str, Tensor]
    ) -> Tensor:
        """Option scores [n, K] of the items `numbers` -> [N], the loss of each target row."""
        if self.reference is not None:
            scores = scores.float() - self.reference[torch.from_numpy(numbers)].to(scores.device)
        if self.method.NEEDS.softmax == "options":
            scores = scores.float().log_softmax(-1)
        log_p = _widened(scores, rows.distribution.shape[1])
        losses: Tensor = self.method.loss(log_p[rows.item], rows, extra, self.settings)
        return losses


@dataclass(frozen=True)
class Checkpointing:
    """Where a run is saved, how often, and which recipe may continue it."""

    path: Path
    seconds: float
    recipe: str


def log_probabilities(scores: Tensor, width: int) -> Tensor:
    """The restricted softmax in logs: scores [n, K] -> [n, width], -inf beyond the options."""
    return _widened(scores.float().log_softmax(-1), width)


def _widened(scores: Tensor, width: int) -> Tensor:
    return pad(scores, (0, width - scores.shape[1]), value=-torch.inf)


def batches(
    items: np.ndarray, training: Training, stream: tuple[str | int, ...]
) -> list[tuple[float, np.ndarray]]:
    """(epoch at its start, item numbers) of every optimizer step, in order."""
    size = training.items_per_batch
    starts = range(0, len(items), size)
    plan: list[tuple[float, np.ndarray]] = []
    for epoch in range(math.ceil(training.epochs)):
        order = generator("order", *stream, epoch).permutation(items)
        plan += [(epoch + start / len(items), order[start : start + size]) for start in starts]
    steps = round(training.epochs * len(starts), 6)  # 0.28 * 25 is 7.000000000000001
    return plan[: math.ceil(steps)]


def schedule(training: Training, step: int, steps: int) -> float:
    """The share of the peak learning rate at a step."""
    warm = math.ceil(training.warmup * steps)
    if step < warm:
        return (step + 1) / (warm + 1)
    rest = (step - warm) / max(steps - warm, 1)
    match training.schedule:
        case "linear":
            return 1 - rest
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * rest))
        case "constant":
            return 1.0


def fit(
    scorer: Scorer,
    objective: Objective,
    training: Training,
    stream: tuple[str | int, ...],
    saving: Checkpointing,
) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    """Minimise the objective with AdamW; continue from the checkpoint if it fits.

    `stream` names what the order of items and the dropout may depend on. Returns the method's own
    learned parameters, and one row of `tables.HISTORY` per optimizer step.

    Raises:
        DivergedError: the loss or the gradient is NaN or infinite.
        MemoryError: a step does not fit with one item in a row.
    """
    extra = objective.parameters(scorer.device)

    def gradients(step: int, numbers: np.ndarray) -> dict[str, float]:
        return {"loss": _backward(scorer, objective, extra, numbers, training.precision)}

    plan, items = batches(objective.items, training, stream), len(objective.items)
    torch.manual_seed(seed_of("dropout", *stream))
    history = descend(
        scorer, gradients, plan, items, training, saving, extra, objective.learning_rate
    )
    return {name: value.detach().cpu() for name, value in extra.items()}, history


@phase("training")
def descend(
    scorer: Scorer,
    gradients: Callable[[int, np.ndarray], dict[str, float]],
    plan: Sequence[tuple[float, np.ndarray]],
    items: int,
    training: Training,
    saving: Checkpointing,
    extra: Mapping[str, Tensor] = MappingProxyType({}),
    extra_rate: Callable[[float], float] = lambda epoch: 0.0,
    save_every: int = 1,
) -> list[dict[str, float]]:
    """AdamW over a plan as `batches` makes it, `items` in an epoch; continue from the checkpoint if
    it fits.

    `gradients` leaves a step's gradients in the parameters of the scorer's model and in `extra`,
    and returns its loss and what else is to stand in its row of `tables.HISTORY`. A step that runs
    out of memory is begun again with smaller rows, from the same random state; the scorer keeps
    these. The run is saved after multiples of `save_every` steps only.

    Raises:
        DivergedError: the loss or the gradient is NaN or infinite.
        MemoryError: a step does not fit with one item in a row.
    """
    module, extra = scorer.model, dict(extra)
    optimizer = _optimizer(module, extra, training)
    history: list[dict[str, float]] = []
    if saved := checkpoint.load(saving.path, saving.recipe):
        checkpoint.restore(saved, module, extra, optimizer)
        scorer.row_tokens = saved.row_tokens
        history = list(saved.history)
        log.info("continue from the checkpoint at step %d of %d", len(history), len(plan))
    module.train()
    clock = last_saved = last_logged = time.perf_counter()
    for step, (epoch, numbers) in list(enumerate(plan))[len(history) :]:
        share = schedule(training, step, len(plan))
        optimizer.param_groups[0]["lr"] = share * training.lr
        if extra:
            optimizer.param_groups[1]["lr"] = share * extra_rate(epoch)
        found = _attempted(scorer, optimizer, partial(gradients, step, numbers))
        norms = (
            nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], training.gradient_clip),
            nn.utils.get_total_norm([p.grad for p in extra.values() if p.grad is not None]),
        )
        if not all(math.isfinite(value) for value in (found["loss"], *norms)):
            raise DivergedError(
                f"loss {found['loss']:g}, gradient norms {norms[0]:g} of the model and "
                f"{norms[1]:g} of the method at step {step + 1}"
            )
        optimizer.step()
        optimizer.zero_grad()
        now = time.perf_counter()
        history.append(
            {
                "step": step + 1,
                "epoch": min(epoch + len(numbers) / items, training.epochs),
                "learning_rate": share * training.lr,
                "seconds": (history[-1]["seconds"] if history else 0.0) + now - clock,
                "items_per_second": len(numbers) / (now - clock),
            }
            | found
        )
        clock = now
        if now - last_logged >= 1 or step + 1 == len(plan):
            log.info(progress(history[-1], len(plan), training))
            last_logged = now
        if now - last_saved >= saving.seconds and (step + 1) % save_every == 0:
            state = checkpoint.snapshot(module, extra, optimizer, history, scorer.row_tokens)
            checkpoint.save(saving.path, state, saving.recipe)
            last_saved = clock = time.perf_counter()
    return history


def _optimizer(module: nn.Module, extra: dict[str, Tensor], training: Training) -> Optimizer:
    """AdamW over two groups: the model's trained parameters, and the method's own, undecayed."""
    parameters = list(checkpoint.trained(module).values())
    groups: list[dict[str, Any]] = [{"params": parameters, "weight_decay": training.weight_decay}]
    if extra:
        groups.append({"params": list(extra.values()), "weight_decay": 0.0})
    return torch.optim.AdamW(groups, fused=True)


def _attempted(
    scorer: Scorer, optimizer: Optimizer, gradients: Callable[[], dict[str, float]]
) -> dict[str, float]:
    """One step's gradients, from the same random state in rows of whatever size."""
    states = checkpoint.random_states()

    def attempt() -> dict[str, float]:
        optimizer.zero_grad()  # what a failed attempt left
        checkpoint.set_random_states(states)
        return gradients()

    return in_smaller_rows(scorer, attempt)


def _backward(
    scorer: Scorer,
    objective: Objective,
    extra: dict[str, Tensor],
    numbers: np.ndarray,
    precision: str,
) -> float:
    """Gradients of the weighted mean loss of these items' target rows; returns that loss."""
    total_weight = objective.rows.select(numbers).weight.sum()
    total = torch.zeros((), dtype=torch.float64, device=scorer.device)
    for chosen, scores in computed(scorer.chunks(numbers), scorer.device, precision):
        rows = objective.rows.select(chosen).to(scorer.device)
        losses = objective.row_losses(chosen, scores, rows, extra)
        loss = (rows.weight * losses).sum() / total_weight
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return total.item()


def progress(row: dict[str, float], steps: int, training: Training) -> str:
    return (
        f"epoch {row['epoch']:.2f} of {training.epochs:g}, step {row['step']:.0f} of {steps}, "
        f"loss {row['loss']:.4f}, {row['items_per_second']:.1f} items/s"
    )


def predict(scorer: Scorer, numbers: np.ndarray, options: int, precision: str) -> Tensor:
    """log p of each item's options, [n, options] in fp32 on the CPU; -inf beyond an item's own.

    Raises:
        DivergedError: the model's scores are not numbers.
        MemoryError: it does not fit with one item in a row.
    """
    return log_probabilities(score(scorer, numbers, options, precision), options)


@phase("predicting")
@torch.no_grad()
def score(
    scorer: Scorer, numbers: np.ndarray, options: int, precision: str, training: bool = False
) -> Tensor:
    """As `predict`, the scores themselves, before they are normalised over the options; computed as
    in training, faster and less exactly, if `training`."""
    scorer.model.train(training)

    def attempt() -> Tensor:
        with arithmetic(scorer.device, precision):
            parts = [
                (chosen, _widened(scores.float(), options).cpu())
                for chosen, scores in scorer.chunks(numbers)
            ]
        found = np.concatenate([chosen for chosen, _ in parts])
        order = np.argsort(found)
        places = order[np.searchsorted(found, numbers, sorter=order)]
        return torch.cat([scores for _, scores in parts])[torch.from_numpy(places)]

    scores = in_smaller_rows(scorer, attempt)
    if unknown := int(scores.amax(1).isfinite().logical_not().sum()):
        raise DivergedError(f"predictions of {unknown} of {len(numbers)} items are NaN")
    return scores
