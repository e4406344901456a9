"""Train: one cell, from annotations to predictions of all items."""

import logging
import platform
import resource
import time
import traceback
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from annobench import annotators, tables, tensors
from annobench.errors import AnnobenchError, one_line
from annobench.files import write_json
from annobench.methods import Given
from annobench.models.decoder import States
from annobench.models.loading import parameter_count
from annobench.models.memory import out_of_memory
from annobench.models.settings import Model
from annobench.models.tokens import TokenItem
from annobench.models.tuning import load_scorer, recompute_activations
from annobench.settings import Settings
from annobench.stages.view import predict_items, prediction_frame
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing, DivergedError, Objective, fit
from annobench.training.precision import pick_device, store_frozen
from annobench.training.rows import rows_of
from annobench.training.settings import Training

log = logging.getLogger(__name__)


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
    export: bool = False
    """Whether to keep the trained parameters."""


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


def run(job: Job, saving: Checkpointing) -> Trained:
    """Train a cell and predict all items.

    Raises:
        DivergedError: the loss is no longer finite.
        torch.OutOfMemoryError, MemoryError: the device's memory does not suffice.
    """
    torch.set_num_threads(job.training.threads)
    device = pick_device()
    scorer = load_scorer(
        job.folder, job.model, job.tokens, job.states, job.training.row_tokens, device, job.stream
    )
    store_frozen(scorer.model, job.training.precision)
    if job.training.gradient_checkpointing:
        recompute_activations(scorer.model)
    given = _given(job)
    targets = job.method.targets(given, job.settings)
    if not job.method.NEEDS.training:
        log_p = predict_items(scorer, job.items, job.training.precision)
        nothing = tables.empty(tables.ANNOTATORS), tables.empty(tables.HISTORY)
        predictions = prediction_frame(job.items, log_p)
        return Trained(targets, predictions, *nothing, 0.0, scorer.row_tokens, {}, 0)
    rows = rows_of(targets, job.items, given.annotators, given.tasks)
    objective = Objective(job.method, job.settings, given, rows)
    extra, history = fit(scorer, objective, job.training, job.stream, saving)
    log_p = predict_items(scorer, job.items, job.training.precision)
    width = rows.distribution.shape[1]
    weights = job.method.weights(log_p[rows.item, :width], rows, extra, job.settings)
    targets.loc[targets["kept"], "weight"] = weights.double().numpy()
    expertise = job.method.expertise(given, targets, extra, job.settings)
    crowd = tables.empty(tables.ANNOTATORS)
    if expertise is not None:
        crowd = annotators.table(expertise, given, job.items, log_p.double().exp().numpy())
    learned = {name: p.detach() for name, p in trained(scorer.model).items()}
    return Trained(
        targets,
        prediction_frame(job.items, log_p),
        crowd,
        pd.DataFrame(history).astype({"step": "int64"}),
        train_seconds=history[-1]["seconds"],
        row_tokens=scorer.row_tokens,
        parameters=learned if job.export else {},
        trained_parameters=sum(p.numel() for p in learned.values()),
    )


def _given(job: Job) -> Given:
    """What the method learns from.

    Raises:
        AnnobenchError: the method needs every annotator, and some annotations name none.
    """
    items = job.items[job.items["split"] == "train"]
    if job.annotations is None:
        return Given(items)
    annotations = job.annotations[job.annotations["item"].isin(items["item"])]
    unsigned = int(annotations["annotator"].isna().sum())
    if unsigned and job.method.NEEDS.annotator_ids:
        raise AnnobenchError(
            f"annotations: {unsigned} of {len(annotations)} found without an annotator; "
            "allowed: none, for a method that needs annotator ids"
        )
    return Given(items, annotations, job.truth if job.method.NEEDS.truth else None)


def record(job: Job, saving: Checkpointing, recipe: dict[str, Any], out: Path) -> dict[str, Any]:
    """Run a cell and write its files into `out`; returns what run.json holds.

    trained.safetensors holds no tensor unless the cell's model is to be exported. A cell that
    diverges, runs out of memory or fails in the method's own code is a result too: its tables are
    empty and run.json says why. Trouble with files is not: it is raised, and the
    cell has no record.

    Raises:
        OSError: a file cannot be read or written.
        AnnobenchError: a file is broken, or the study asks for what the model cannot do.
    """
    begun = time.perf_counter()
    status, reason, done = "ok", None, None
    try:
        done = run(job, saving)
    except (OSError, AnnobenchError):
        raise
    except Exception as error:
        status, reason = _verdict(error)
        if status == "failed":
            log.error("%s", traceback.format_exc())
    written = {
        "targets": tables.TARGETS,
        "predictions": tables.PREDICTIONS,
        "annotators": tables.ANNOTATORS,
        "history": tables.HISTORY,
    }
    for name, schema in written.items():
        frame = tables.empty(schema) if done is None else getattr(done, name)
        tables.write(out / f"{name}.parquet", frame, schema)
    tensors.write(out / "trained.safetensors", done.parameters if done else {})
    summary = {
        "status": status,
        "reason": reason,
        "recipe": recipe,
        "train_seconds": done.train_seconds if done else 0.0,
        "total_seconds": time.perf_counter() - begun,
        "items_per_second": _items_per_second(done.history) if done else None,
        "peak_memory_bytes": _peak_memory(),
        "row_tokens": {
            "asked": job.training.row_tokens,
            "used": done.row_tokens if done else None,
        },
        "parameters": parameter_count(job.folder),
        "trained_parameters": done.trained_parameters if done else None,
        "device": str(pick_device()),
        "processor": platform.processor() or platform.machine(),
        "versions": {
            name: version(name)
            for name in ("annobench", "torch", "transformers", "peft", "crowd-kit")
        }
        | {"python": platform.python_version()},
    }
    write_json(out / "run.json", summary)
    saving.path.unlink(missing_ok=True)
    return summary


def _verdict(error: Exception) -> tuple[str, str]:
    """Status and reason of a cell that ended in an error."""
    text = one_line(error)
    if isinstance(error, DivergedError):
        return "diverged", text
    if out_of_memory(error):
        return "out-of-memory", text or type(error).__name__
    return "failed", f"{type(error).__name__}: {text}"


def _items_per_second(history: pd.DataFrame) -> float | None:
    """Items trained per second of training, over all steps."""
    if history.empty:
        return None
    seconds = history["seconds"].diff().fillna(history["seconds"])
    return float((history["items_per_second"] * seconds).sum() / seconds.sum())


def _peak_memory() -> int:
    """Largest memory in bytes: of the device if it is a GPU, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
