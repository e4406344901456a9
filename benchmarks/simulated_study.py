"""A study whose cells are all finished: records made by a script, not by training.

Items and annotations are those that annobench itself draws. What a cell leaves behind is made up,
in the shape and size of a true cell's files, and written by annobench's own writers. Snakemake's
records of the jobs are written by Snakemake itself, see `record`.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annobench import clock, layout, recipes, tables, tensors
from annobench.disk import Disk
from annobench.files import write_json
from annobench.models.tokens import TokenItem
from annobench.registry import component, kinds
from annobench.seeds import generator
from annobench.stages.annotate import annotate
from annobench.stages.encode import write_features
from annobench.stages.prepare import prepare
from annobench.study import Cell, Study, parse_study

REPOSITORY = Path(__file__).parents[1]
METHODS: dict[str, dict[str, Any]] = {
    "sft": {},
    "majority": {},
    "dawid-skene": {},
    "mace": {},
    "glad": {},
    "soft-labels": {},
    "label-smoothing": {},
    "generalised-cross-entropy": {},
    "symmetric-cross-entropy": {},
    "small-loss": {},
    "self-select": {},
    "realm": {},
    "realm-one": {},
    "realm-oracle": {},
    "realm-slow": {"kind": "realm", "expertise_lr": 0.01},
    "realm-quick": {"kind": "realm", "expertise_lr": 0.4},
    "realm-sure": {"kind": "realm", "initial_expertise": 0.95},
    "realm-unsure": {"kind": "realm", "initial_expertise": 0.5},
    "realm-free": {"kind": "realm", "freeze_epochs": 0.0},
    "smoothing-strong": {"kind": "label-smoothing", "epsilon": 0.3},
}
LADDERS = ("all-good", "half-good", "linear", "one-good")
LOST = {"failed": "RuntimeError: made up", "diverged": "the loss is no longer finite"}
STEPS_PER_EPOCH, EPOCHS = 25, 3


def study(
    datasets: int = 2,
    noises: int = 10,
    models: int = 5,
    methods: int = 20,
    seeds: int = 5,
    train: int = 300,
    test: int = 200,
) -> Study:
    """A grid of all that is given, each cell dependent on all axes; ten annotators, three labels an
    item."""
    crowds = {
        f"{kind}-{ladder}": {"kind": kind, "ladder": ladder}
        for kind in ("expertise", "systematic")
        for ladder in LADDERS
    } | {f"skew-{n}": {"kind": "expertise", "skew": n / 2} for n in range(1, 3)}
    items = {"kind": "geo", "train": train, "test": test}
    whole = {
        "study": "simulated",
        "seeds": list(range(seeds)),
        "datasets": {f"geo-{n}": items for n in range(datasets)},
        "models": {f"model-{n}": {"source": f"path:model-{n}"} for n in range(models)},
        "noise": dict(list(crowds.items())[:noises]),
        "methods": dict(list(METHODS.items())[:methods]),
        "training": {"epochs": EPOCHS, "items_per_batch": -(-train // STEPS_PER_EPOCH)},
        "tables": {
            "results": {"metrics": ["accuracy", "nll", "ece"]},
            "comparisons": {"reference": "sft"},
            "expertise": {},
            "annotators": {},
            "noise-rates": {},
            "cells": {},
            "costs": {},
            "time": {},
        },
        "figures": {
            "accuracy-by-noise": {},
            "gain-by-noise": {"reference": "sft"},
            # A panel for each place: of one model, as a reader could take in.
            "expertise": {"models": ["model-0"], "methods": ["majority"]},
            "training-curves": {"models": ["model-0"]},
        },
    }
    return parse_study(whole, "the simulated study")


def make(folder: Path, made: Study, processes: int = 2) -> None:
    """Fill an empty folder with the workflow and the finished cells of a study."""
    shutil.copy(REPOSITORY / "Snakefile", folder)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(REPOSITORY / name, folder / name)
    write_json(folder / "config.yaml", recipes.whole(made))
    with chdir(folder):
        _shared(made)
        cells = made.cells()
        parts = [(recipes.whole(made), cells[n::processes]) for n in range(processes)]
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(_cells, parts))
    record(folder, "cells")


_RECORD = """
import sys
from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler

def record(self):
    async def each():
        for level in self.workflow.dag.toposorted():
            for job in level:
                for path in job.output:
                    path.touch()
                await self.workflow.persistence.finished(job)

    self.workflow.async_run(each())
    return True

JobScheduler.schedule = record
main(sys.argv[1:])
"""


def record(folder: Path, target: str) -> None:
    """Let Snakemake write its records of the target's jobs, whose files are there.

    That is what `snakemake --touch` does, but for choosing which job comes next: among thousands
    that are ready, that takes longer than all else.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = (
        sys.executable,
        "-c",
        _RECORD,
        target,
        "--touch",
        "--forceall",
        "--cores",
        "1",
        "--no-hooks",
    )
    with (folder / "record.log").open("w") as log:
        subprocess.run(command, cwd=folder, check=True, stdout=log, stderr=log)


def _shared(made: Study) -> None:
    """What cells share, and what Snakemake writes of jobs beside their files."""
    disk = Disk(made)
    for source in made.sources():
        manifest = {"files": {}, "folder": source, "sha256": "0" * 64, "source": source}
        write_json(Path(layout.MODEL.format(asset=layout.asset(source))), manifest)
    for name, entry in made.datasets.items():
        items = prepare(name, entry.kind, entry)
        tables.write(disk.path(layout.ITEMS, dataset=name), items, tables.ITEMS)
        tokens = [
            TokenItem(item, tuple(range(20)), tuple((n,) for n in range(len(options))))
            for item, options in zip(items["item"], items["options"], strict=True)
        ]
        for model in made.models:
            write_features(*disk.feature_paths(name, model), tokens, None)
    for draw in made.draws():
        entry = made.noise[draw["noise"]]
        found = annotate(disk.items(draw["dataset"]), None, **draw, kind=entry.kind, settings=entry)
        for path, frame, schema in zip(
            disk.draw_paths(**draw), found, (tables.ANNOTATIONS, tables.TRUTH), strict=True
        ):
            tables.write(path, frame, schema)


def _cells(part: tuple[dict[str, Any], Sequence[Cell]]) -> None:
    """The files of some cells."""
    made = parse_study(part[0], "the simulated study")
    disk = Disk(made)
    items, crowd = cache(disk.items), cache(disk.crowd)
    for cell in part[1]:
        rng = generator("simulated", cell.path)
        draw = crowd(cell.dataset, cell.noise, cell.seed)
        kind = made.methods[cell.method].kind
        frames = dict(_frames(kind, items(cell.dataset), draw.annotations, draw.truth, rng))
        fate = rng.random()
        status = "failed" if fate < 0.01 else "diverged" if fate < 0.015 else "ok"
        folder = disk.cell_folder(cell)
        for name in ("targets", "predictions", "annotators", "history"):
            schema = getattr(tables, name.upper())
            frame = frames[name] if status == "ok" else tables.empty(schema)
            tables.write(folder / f"{name}.parquet", frame, schema)
        tensors.write(folder / "trained.safetensors", {})
        write_json(folder / "run.json", _run(made, cell, status, rng))
        command = {
            "command": ["train", cell.path],
            "begun": 0.0,
            "seconds": 3600.0,
            "threads": 1,
            "phases": {"starting": 1.0, "loading": 9.0, "training": 3500.0, "predicting": 80.0},
            "peak_memory_bytes": 2 * 10**9,
            "status": 0,
        }
        clock.add(disk.path(layout.TIMES), command)


def _frames(
    kind: str,
    items: pd.DataFrame,
    annotations: pd.DataFrame,
    truth: pd.DataFrame,
    rng: np.random.Generator,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """A cell's tables: a model that is right now and then, and learned who is good."""
    options = len(items["options"].iloc[0])
    right = np.eye(options)[items["gold"].to_numpy(int)]
    logits = rng.normal(size=(len(items), options)) + rng.normal(1.5, 0.3) * right
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    yield "predictions", pd.DataFrame({"item": items["item"], "probabilities": p.tolist()})
    by_item = kind in kinds("aggregation") or kind == "soft-labels"
    yield "targets", (_aggregated if by_item else _believed)(annotations, options, rng)
    yield "annotators", _annotators(kind, annotations, truth, rng)
    steps = STEPS_PER_EPOCH * EPOCHS
    step = np.arange(1, steps + 1)
    history = {
        "step": step,
        "epoch": step / STEPS_PER_EPOCH,
        "loss": 1.4 * np.exp(-step / 40) + rng.gamma(2, 0.05, steps),
        "learning_rate": 5e-5 * (1 - step / steps),
        "seconds": 48.0 * step,
        "items_per_second": rng.normal(4, 0.2, steps),
    }
    yield "history", pd.DataFrame(history)


def _believed(annotations: pd.DataFrame, options: int, rng: np.random.Generator) -> pd.DataFrame:
    """One target for each label."""
    return pd.DataFrame(
        {
            "item": annotations["item"],
            "distribution": np.eye(options)[annotations["label"].to_numpy(int)].tolist(),
            "weight": rng.random(len(annotations)),
            "kept": True,
            "reason": "annotation",
            "annotator": annotations["annotator"],
        }
    )


def _aggregated(annotations: pd.DataFrame, options: int, rng: np.random.Generator) -> pd.DataFrame:
    """One target for each item."""
    item, row = np.unique(annotations["item"], return_inverse=True)
    votes = rng.random((len(item), options)) / 100
    np.add.at(votes, (row, annotations["label"].to_numpy(int)), 1)
    shares = votes / votes.sum(1, keepdims=True)
    found = {"item": item, "distribution": shares.tolist(), "weight": 1.0, "kept": True}
    return pd.DataFrame(found | {"reason": "aggregated"})


def _annotators(
    kind: str, annotations: pd.DataFrame, truth: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """What a method that knows who gave which label learned of them."""
    if not component("methods", kind).NEEDS.annotator_ids:
        return tables.empty(tables.ANNOTATORS)
    learned = (truth["expertise"] + rng.normal(0, 0.1, len(truth))).clip(0, 1)
    given = truth["annotator"].map(annotations["annotator"].value_counts()).fillna(0)
    found = {
        "expertise": learned,
        "annotations": given.astype(int),
        "low": (learned - 0.1).clip(0, 1),
        "high": (learned + 0.1).clip(0, 1),
        "agreement": learned,
        "guessing": learned < 0.1,
    }
    return truth[["annotator", "task"]].assign(**found)


def _run(made: Study, cell: Cell, status: str, rng: np.random.Generator) -> dict[str, Any]:
    """The run record, as `stages.record` makes it."""
    seconds = float(rng.normal(3600, 200)) if status == "ok" else 0.0
    return {
        "status": status,
        "reason": LOST.get(status),
        "recipe": recipes.cell(made, cell),
        "train_seconds": seconds,
        "total_seconds": seconds + 60.0,
        "items_per_second": float(rng.normal(4, 0.1)) if status == "ok" else None,
        "rollouts_per_second": None,
        "rollout_share": None,
        "peak_memory_bytes": int(rng.normal(2e9, 1e7)),
        "row_tokens": {"asked": 1024, "used": 1024},
        "parameters": 134_515_008,
        "trained_parameters": 14_160_384 if status == "ok" else None,
        "device": "cuda",
        "processor": "x86_64",
        "versions": {"annobench": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
    }
