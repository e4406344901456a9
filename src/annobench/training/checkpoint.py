"""Checkpoints: one safetensors file, written whole, that carries everything resuming needs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer

from annobench import seals
from annobench.tensors import write


@dataclass(frozen=True)
class Snapshot:
    """A training run after its last optimizer step in `history`."""

    tensors: dict[str, Tensor]
    history: list[dict[str, float]]
    row_tokens: int
    """Most tokens in a row, as far as memory has allowed."""


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def snapshot(
    module: nn.Module,
    extra: dict[str, Tensor],
    optimizer: Optimizer,
    history: list[dict[str, float]],
    row_tokens: int,
) -> Snapshot:
    """Everything that the next step depends on: parameters, moments, random states."""
    tensors = {f"model.{name}": p.detach() for name, p in trained(module).items()}
    tensors |= {f"extra.{name}": p.detach() for name, p in extra.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    return Snapshot(tensors | random_states(), history, row_tokens)


def random_states() -> dict[str, Tensor]:
    """The states of the streams that dropout draws from."""
    states = {"rng.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["rng.cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_states(states: dict[str, Tensor]) -> None:
    """Put back what `random_states` returned, where there still is such a device."""
    torch.set_rng_state(states["rng.cpu"].cpu())
    if "rng.cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["rng.cuda"].cpu())


@torch.no_grad()
def restore(
    saved: Snapshot, module: nn.Module, extra: dict[str, Tensor], optimizer: Optimizer
) -> None:
    """Put a snapshot back."""
    for name, parameter in trained(module).items():
        parameter.copy_(saved.tensors[f"model.{name}"])
    for name, tensor in extra.items():
        tensor.copy_(saved.tensors[f"extra.{name}"])
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in saved.tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
    set_random_states(saved.tensors)


def save(path: Path, saved: Snapshot, recipe: str) -> None:
    metadata = {
        "recipe": recipe,
        "history": json.dumps(saved.history),
        "row_tokens": str(saved.row_tokens),
    }
    write(path, saved.tensors, metadata)


def load(path: Path, recipe: str) -> Snapshot | None:
    """The snapshot at `path` if there is one, whole and of this recipe, else None."""
    if not seals.whole(path):
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, Any] = file.metadata()
            if metadata["recipe"] != recipe:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Snapshot(tensors, json.loads(metadata["history"]), int(metadata["row_tokens"]))
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError):  # of another maker
        return None
