"""How long 1,000,000 annotations in a CSV file take to load, validate and aggregate.

Writes items and annotations of a made-up crowd, then runs each step in a process of its own, as the
stages `prepare` and `annotate` and the two aggregations do. Prints one row for each step.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEPS = ("prepare", "annotate", "majority", "dawid-skene")


def main() -> None:
    arguments = parser().parse_args()
    if arguments.step:
        print(json.dumps(measured(arguments.step)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), arguments.items, arguments.annotators, arguments.annotations)
        rows = [in_a_process(step, Path(folder), arguments.threads) for step in STEPS]
    total = {
        "step": "all",
        "seconds": sum(row["seconds"] for row in rows),
        "peak MiB": max(row["peak MiB"] for row in rows),
    }
    print(
        f"{arguments.annotations:,} annotations by {arguments.annotators:,} annotators "
        f"over {arguments.items:,} items, {arguments.threads} threads, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for row in [*rows, total]:
        print(f"{row['step']:12} {row['seconds']:7.1f} s {row['peak MiB']:7.0f} MiB")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--items", type=int, default=200_000)
    made.add_argument("--annotators", type=int, default=10_000)
    made.add_argument("--annotations", type=int, default=1_000_000)
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    return made


def write(folder: Path, items: int, annotators: int, annotations: int) -> None:
    """items.csv and labels.csv: four options of their own texts, no pair labelled twice; half of
    the annotators know the answer, half guess."""
    rng = np.random.default_rng(0)
    names = ("item", "prompt", "option_1", "option_2", "option_3", "option_4")
    with (folder / "items.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*names, "split"))
        writer.writerows(
            (f"q{i}", f'Which one, of "{i}"?', *options(i), "train") for i in range(items)
        )
    item = np.arange(annotations) % items
    start = rng.permutation(items)[item]
    annotator = (start + np.arange(annotations) // items) % annotators
    right = (annotator % 2 == 0) | (rng.random(annotations) < 0.25)
    place = np.where(right, item % 4, (item + rng.integers(1, 4, annotations)) % 4)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("item", "annotator", "label"))
        rows = zip(item.tolist(), annotator.tolist(), place.tolist(), strict=True)
        writer.writerows((f"q{i}", f"worker {a}", options(i)[k]) for i, a, k in rows)


def options(item: int) -> tuple[str, ...]:
    return f"the {item}th", "yes", f"no, {item % 97}", "neither"


def in_a_process(step: str, folder: Path, threads: int) -> dict[str, float | str]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--step", step],
        cwd=folder,
        env=os.environ | {name: str(threads) for name in names},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float | str] = json.loads(done.stdout)
    return found


def measured(step: str) -> dict[str, float | str]:
    """Seconds from the first import on, and the largest resident memory."""
    begun = time.perf_counter()
    do(step)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"step": step, "seconds": time.perf_counter() - begun, "peak MiB": peak}


def do(step: str) -> None:
    from annobench import tables
    from annobench.data import file
    from annobench.noise import observed
    from annobench.stages.prepare import prepare
    from annobench.targets import option_counts

    items, labels = Path("items.parquet"), Path("labels.parquet")
    if step == "prepare":
        found = prepare("own", "file", file.Settings(path="items.csv"))
        tables.write(items, found, tables.ITEMS)
        return
    known = tables.read(items, tables.ITEMS)
    if step == "annotate":
        settings = observed.Settings(path="labels.csv")
        read, _ = observed.annotate(known, None, settings, np.random.default_rng(0))
        tables.write(labels, read, tables.ANNOTATIONS)
        return
    from annobench.registry import component

    posterior = component("aggregation", step).posterior
    posterior(tables.read(labels, tables.ANNOTATIONS), option_counts(known))


if __name__ == "__main__":
    main()
