"""A million annotations: `python benchmarks/aggregation.py [--repeats R] [--out F]`.

Simulates 1,000,000 annotations by 10,000 annotators of 200,000 items with four options, and does
each job with them in a process of its own: loading, aggregating, making targets, and REALM's loss
with its gradient for the annotators. Dawid-Skene is also done by crowd-kit, side by side. Prints a
table of seconds (the fastest run) and peak memory, and writes it as JSON.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from annobench import tables
from annobench.aggregation import count, dawid_skene, majority
from annobench.files import read_json, write_json
from annobench.methods import Given, realm
from annobench.targets import chance_corrected_agreement, option_counts, target_frame

ITEMS, ANNOTATORS, OPTIONS = 200_000, 10_000, 4
STRIDES = np.array([0, 1, 7, 61, 401])
"""From an item's first annotator to each of its five."""
LABELS_PER_ITEM = len(STRIDES)


def simulate(folder: Path, items: int, annotators: int) -> None:
    """Items and annotations of annotators who know the answer or guess, as a study's files."""
    rng = np.random.default_rng(0)
    gold = rng.integers(OPTIONS, size=items)
    expertise = rng.uniform(0.05, 0.95, annotators)
    who = (rng.integers(annotators, size=items)[:, None] + STRIDES) % annotators
    knows = rng.random(who.shape) < expertise[who]
    label = np.where(knows, gold[:, None], rng.integers(OPTIONS, size=who.shape))
    names = np.array([f"q{number:06d}" for number in range(items)], object)
    crowd = np.array([f"a{number:05d}" for number in range(annotators)], object)
    annotations = {
        "item": names.repeat(LABELS_PER_ITEM),
        "label": label.ravel(),
        "annotator": crowd[who.ravel()],
    }
    questions = {
        "item": names,
        "task": "any",
        "split": "train",
        "prompt": "which ?",
        "options": [list("abcd")] * items,
        "gold": gold,
        "distribution": None,
    }
    tables.write(folder / "annotations.parquet", pd.DataFrame(annotations), tables.ANNOTATIONS)
    tables.write(folder / "items.parquet", pd.DataFrame(questions), tables.ITEMS)


def read(folder: Path) -> Given:
    items = tables.read(folder / "items.parquet", tables.ITEMS)
    return Given(items, tables.read(folder / "annotations.parquet", tables.ANNOTATIONS))


def aggregate(posterior: Callable[..., pd.DataFrame]) -> Callable[[Given], pd.DataFrame]:
    return lambda given: posterior(given.annotations, option_counts(given.items))


def crowd_kit(given: Given) -> None:
    from crowdkit.aggregation import DawidSkene

    assert given.annotations is not None
    votes = given.annotations.rename(columns={"item": "task", "annotator": "worker"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        DawidSkene().fit_predict_proba(votes)


def agreement(given: Given) -> None:
    posterior = majority.posterior(given.annotations, option_counts(given.items))
    targets = target_frame(posterior["item"], posterior["distribution"], "majority vote")
    chance_corrected_agreement(given.annotations, targets)


def realm_rows(given: Given) -> Any:
    from annobench.training.rows import rows_of

    targets = realm.targets(given, realm.Settings())
    return rows_of(targets, given.items, given.annotators, given.tasks)


def realm_gradient(given: Given) -> dict[str, float]:
    """The loss of all rows at once and its gradient for omega; only this is timed."""
    import torch

    torch.set_num_threads(1)
    rows = realm_rows(given)
    extra = realm.parameters(given, realm.Settings())
    extra["omega"].requires_grad_(True)
    generator = torch.Generator().manual_seed(0)
    log_p = torch.randn(len(given.items), OPTIONS, generator=generator).log_softmax(-1)[rows.item]
    begun = time.perf_counter()
    realm.loss(log_p, rows, extra, realm.Settings()).mean().backward()
    seconds = time.perf_counter() - begun
    return {
        "seconds": seconds,
        "parameter_bytes": sum(value.nbytes for value in extra.values()),
        "vector_bytes": 4 * len(given.annotators),
    }


JOBS: dict[str, Callable[[Given], Any]] = {
    "load": lambda given: None,
    "validate and number": lambda given: count(
        given.annotations, option_counts(given.items), signed="benchmark"
    ),
    "majority vote": aggregate(majority.posterior),
    "Dawid-Skene": aggregate(dawid_skene.posterior),
    "Dawid-Skene, crowd-kit": crowd_kit,
    "targets and agreement of the vote": agreement,
    "targets and rows of REALM": realm_rows,
    "loss and gradient of REALM's omega": realm_gradient,
}
"""Seconds are of the job alone; loading is timed by itself. Memory is the whole process's."""


def work(job: str, folder: Path) -> dict[str, float]:
    """One job in this process."""
    begun = time.perf_counter()
    given = read(folder)
    if job != "load":
        begun = time.perf_counter()
    found = JOBS[job](given)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "peak_memory_bytes": peak} | (
        found if isinstance(found, dict) else {}
    )


def run(job: str, folder: Path, repeats: int) -> dict[str, Any]:
    """The fastest of some runs of a job, each in a process of its own."""
    out = folder / "out.json"
    runs = []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--job", job, "--folder", str(folder)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run([*command, "--out", str(out)], check=True, env=environment)
        runs.append(read_json(out))
    best = min(runs, key=lambda found: found["seconds"])
    return {"job": job, "all": [found["seconds"] for found in runs]} | best


def markdown(rows: list[dict[str, Any]]) -> str:
    lines = ["| job | s | peak GiB |", "| --- | ---: | ---: |"]
    for row in rows:
        memory = row["peak_memory_bytes"] / 2**30
        lines.append(f"| {row['job']} | {row['seconds']:.2f} | {memory:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--annotators", type=int, default=ANNOTATORS)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/aggregation.json"))
    parser.add_argument("--job", choices=list(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        write_json(given.out, work(given.job, given.folder))
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, given.items, given.annotators)
        rows = [run(job, folder, given.repeats) for job in JOBS]
    machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
    write_json(given.out, {"rows": rows, "annotations": given.items * LABELS_PER_ITEM} | machine)
    print(markdown(rows))
    omega = rows[-1]
    print(
        f"\nREALM's parameters: {omega['parameter_bytes']} bytes; a vector of one fp32 number per"
        f" annotator: {omega['vector_bytes']} bytes"
    )


if __name__ == "__main__":
    main()
