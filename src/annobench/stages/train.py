"""Train: one cell, from annotations to predictions of all items."""

import logging
import math
import platform
import resource
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from annobench import annotators, tables, tensors, views
from annobench.errors import AnnobenchError, one_line
from annobench.files import write_json
from annobench.methods import Given, token_sft
from annobench.models.asking import Asker
from annobench.models.decoder import States
from annobench.models.loading import parameter_count
from annobench.models.memory import out_of_memory
from annobench.models.settings import Model
from annobench.models.tokens import TokenItem
from annobench.models.tuning import Scorer, load_scorer, recompute_activations
from annobench.settings import Settings
from annobench.stages.encode import encode
from annobench.stages.predictions import predict_items, prediction_frame
from annobench.stages.untrained import Untrained
from annobench.targets import is_free_text
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing, DivergedError, Objective, fit
from annobench.training.precision import pick_device, store_frozen
from annobench.training.rows import kept_rows, rows_of
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
    """Train a cell and predict all items; of a free-text data set all but the training items.

    Raises:
        DivergedError: the loss is no longer finite.
        torch.OutOfMemoryError, MemoryError: the device's memory does not suffice.
    """
    torch.set_num_threads(job.training.threads)
    given = _given(job)
    targets = job.method.targets(given, job.settings)
    torch.set_num_threads(job.training.threads)  # asking set its own
    if not job.method.NEEDS.training:
        nothing = tables.empty(tables.ANNOTATORS), tables.empty(tables.HISTORY)
        return Trained(
            targets, _untaught(job, given), *nothing, 0.0, job.training.row_tokens, {}, 0
        )
    given = replace(given, model=None)  # for its memory
    free = is_free_text(job.items)
    lesson = _in_words(job, targets) if free else job
    scorer = _scorer(lesson)
    rows = rows_of(targets, lesson.items, given.annotators, given.tasks)
    objective = Objective(job.method, job.settings, given, rows)
    extra, history = fit(scorer, objective, job.training, job.stream, saving)
    log_p = predict_items(scorer, lesson.items, job.training.precision)
    width = rows.distribution.shape[1]
    weights = job.method.weights(log_p[rows.item, :width], rows, extra, job.settings)
    targets.loc[targets["kept"], "weight"] = weights.double().numpy()
    expertise = job.method.expertise(given, targets, extra, job.settings)
    crowd = tables.empty(tables.ANNOTATORS)
    if expertise is not None:
        crowd = annotators.table(expertise, given, job.items, log_p.double().exp().numpy())
    learned = {name: p.detach().cpu() for name, p in trained(scorer.model).items()}
    row_tokens = scorer.row_tokens
    del scorer, objective  # free text loads the model anew
    return Trained(
        targets,
        _said(job, learned) if free else prediction_frame(job.items, log_p),
        crowd,
        pd.DataFrame(history).astype({"step": "int64"}),
        train_seconds=history[-1]["seconds"],
        row_tokens=row_tokens,
        parameters=learned if job.export else {},
        trained_parameters=sum(p.numel() for p in learned.values()),
    )


def _scorer(job: Job) -> Scorer:
    scorer = load_scorer(
        job.folder,
        job.model,
        job.tokens,
        job.states,
        job.training.row_tokens,
        pick_device(),
        job.stream,
    )
    store_frozen(scorer.model, job.training.precision)
    if job.training.gradient_checkpointing:
        recompute_activations(scorer.model)
    return scorer


def _untaught(job: Job, given: Given) -> pd.DataFrame:
    """`tables.PREDICTIONS` of a method that trains nothing."""
    if hasattr(job.method, "predictions"):
        found: pd.DataFrame = job.method.predictions(given, job.settings)
        return found
    if is_free_text(job.items):
        return _said(job, {})
    return prediction_frame(
        job.items, predict_items(_scorer(job), job.items, job.training.precision)
    )


def _said(job: Job, learned: dict[str, Tensor]) -> pd.DataFrame:
    """`tables.PREDICTIONS` in words of all but the training items, by the model with what it
    learned."""
    asker = replace(job.asker, learned=learned, training=job.training)
    view = views.base(partial(asker.ask, backend="score"), _unseen(job.items))
    return view[["item", "text"]]


def _unseen(items: pd.DataFrame) -> pd.DataFrame:
    return items[items["split"] != "train"]


def _in_words(job: Job, targets: pd.DataFrame) -> Job:
    """A free-text cell as the loop trains it: an item's one option is its target's text, with the
    end of the text behind it, so that the model learns to stop."""
    texts = kept_rows(targets).set_index("item")["text"]
    items = job.items[job.items["item"].isin(texts.index)]
    items = items.assign(options=items["item"].map(texts).map(lambda text: [text]))
    tokens, states = encode(items, job.folder, job.model, job.training, ended=True)
    return replace(job, items=items, tokens=tokens, states=states)


def _fitted(job: Job, targets: pd.DataFrame, epochs: float, name: str) -> pd.DataFrame:
    """See `methods.Model.fit`."""
    given = _given(job)
    scorer = _scorer(job)
    rows = rows_of(targets, job.items, given.annotators, given.tasks)
    objective = Objective(token_sft, token_sft.Settings(), given, rows)
    training = job.training.model_copy(update={"epochs": epochs})
    never = Checkpointing(job.answers / "none", math.inf, "")
    fit(scorer, objective, training, (name, *job.stream), never)
    return prediction_frame(job.items, predict_items(scorer, job.items, training.precision))


def _given(job: Job) -> Given:
    """What the method learns from.

    Raises:
        AnnobenchError: the method needs every annotator, and some annotations name none.
    """
    needs = job.method.NEEDS
    known = job.items
    if not needs.gold:
        known = known.assign(gold=None, distribution=None, answers=None)
    items = known[known["split"] == "train"]
    more: dict[str, Any] = {"views": job.views, "embeddings": job.embeddings}
    if needs.model:
        fitted = partial(_fitted, job)
        asker = replace(job.asker)  # a model of its own, which goes when the method is done with it
        more["model"] = Untrained(asker, job.answers, job.answers_recipe, fitted)
    if not needs.training:
        more["unseen"] = _unseen(known)
    if job.annotations is None:
        return Given(items, **more)
    annotations = job.annotations[job.annotations["item"].isin(items["item"])]
    unsigned = int(annotations["annotator"].isna().sum())
    if unsigned and needs.annotator_ids:
        raise AnnobenchError(
            f"annotations: {unsigned} of {len(annotations)} found without an annotator; "
            "allowed: none, for a method that needs annotator ids"
        )
    labels = annotations.drop(columns="corrupted", errors="ignore")
    return Given(items, labels, job.truth if needs.truth else None, **more)


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
