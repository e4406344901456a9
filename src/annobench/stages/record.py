"""The record of a cell: its files, whatever became of it."""

import logging
import platform
import time
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from annobench import tables, tensors
from annobench.errors import AnnobenchError, NotIdentifiedError, one_line
from annobench.files import write_json
from annobench.models.loading import parameter_count
from annobench.models.memory import out_of_memory, peak_memory
from annobench.stages.job import Job
from annobench.stages.train import run
from annobench.training.loop import Checkpointing, DivergedError
from annobench.training.precision import device_name, pick_device, used

log = logging.getLogger(__name__)


def record(job: Job, saving: Checkpointing, recipe: dict[str, Any], out: Path) -> dict[str, Any]:
    """Run a cell and write its files into `out`; returns what run.json holds.

    trained.safetensors holds no tensor unless the cell's model is to be exported. A cell that
    diverges, runs out of memory or fails in the method's own code is a result too, and so is one
    whose annotations do not tell what its method estimates: its tables are empty and run.json says
    why. Trouble with files is not: it is raised, and the cell has no record.

    Raises:
        OSError: a file cannot be read or written.
        AnnobenchError: a file is broken, or the study asks for what the model cannot do.
    """
    begun = time.perf_counter()
    status, reason, done = "ok", None, None
    try:
        done = run(job, saving)
    except NotIdentifiedError as refused:
        status, reason = "failed", str(refused)
    except (OSError, AnnobenchError):
        raise
    except Exception as error:
        status, reason = _verdict(error)
        if status == "failed":
            log.error("%s", traceback.format_exc())
    (out / "run.json").unlink(missing_ok=True)
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
        "rollouts_per_second": done.rollouts_per_second if done else None,
        "rollout_share": done.rollout_share if done else None,
        "peak_memory_bytes": peak_memory(),
        "row_tokens": {
            "asked": job.training.row_tokens,
            "used": done.row_tokens if done else None,
        },
        "precision": {
            "asked": job.training.precision,
            "used": used(job.training.precision, pick_device()),
        },
        "parameters": parameter_count(job.folder),
        "trained_parameters": done.trained_parameters if done else None,
        "device": device_name(),
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
