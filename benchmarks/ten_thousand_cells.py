"""What evaluation, tables, report and a run with nothing to do take in a study of 10,000 cells.

    python benchmarks/ten_thousand_cells.py [--cells N] [--folder F] [--out FILE]

The study is simulated (`simulated_study`): its cells are finished before the clock starts. Then, on
two cores, `snakemake --cores 2` makes the study's tables, its tables and figures and its report;
a second run finds nothing to do; a dry-run says so; and a report is made alone. Each is measured
from the start of its process to its end: seconds, processor seconds, and the largest sum of the
memory (proportional set size) of all processes that work in the study's folder. With strace, a
dry-run's system calls on files are counted, too.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from simulated_study import make, study

from annobench.files import write_json
from annobench.layout import TIMES
from annobench.reporting import times
from annobench.study import Study

CORES = 2
SNAKEMAKE = (sys.executable, "-m", "snakemake")
RUNS = {
    "evaluation, tables, figures, report": (*SNAKEMAKE, "--cores", str(CORES)),
    "a run with nothing to do": (*SNAKEMAKE, "--cores", str(CORES)),
    "a dry-run with nothing to do": (*SNAKEMAKE, "--dry-run"),
    "the report alone": (*SNAKEMAKE, "--report", "again.html"),
}


def sized(cells: int) -> Study:
    """A study of about as many cells: 10,000 are two data sets, ten noises, five models, twenty
    methods and five seeds."""
    if cells >= 200:
        noises = min(10, cells // 200)
        models = min(5, cells // (200 * noises))
        return study(max(1, cells // (100 * noises * models)), noises, models)
    return study(1, 2, 1, max(2, cells // 4), 2, train=20, test=10)


def measure(folder: Path, command: tuple[str, ...]) -> dict[str, Any]:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    load, begun = os.getloadavg()[0], time.perf_counter()
    processor: dict[tuple[int, float], float] = {}
    peak = 0
    with (folder / "benchmark.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        while process.poll() is None:
            memory = 0
            for one in psutil.process_iter():
                with suppress(psutil.Error):
                    if Path(one.cwd()) == folder:
                        spent = one.cpu_times()
                        processor[one.pid, one.create_time()] = spent.user + spent.system
                        memory += one.memory_full_info().pss
            peak = max(peak, memory)
            time.sleep(1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "seconds": time.perf_counter() - begun,
        "processor_seconds": sum(processor.values()),
        "peak_bytes": peak,
        "load": load,
    }


def file_calls(folder: Path) -> int | None:
    """System calls on files of a dry-run with nothing to do; None without strace."""
    if shutil.which("strace") is None:
        return None
    command = ("strace", "-f", "-c", "-e", "trace=%file", "-o", "calls", *SNAKEMAKE, "--dry-run")
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    total = re.search(r"^100\.00\s+\S+\s+\S+\s+(\d+)", (folder / "calls").read_text(), re.M)
    assert total is not None
    return int(total[1])


def stages(folder: Path, name: str) -> dict[str, float]:
    """Seconds of the last run's commands, by stage."""
    done = times.commands(times.last_run(times.read(folder / TIMES.format(study=name))))
    return {
        str(stage): float(seconds) for stage, seconds in done.groupby("stage")["all"].sum().items()
    }


def disk(folder: Path) -> dict[str, dict[str, int]]:
    """Files and bytes of the results and of Snakemake's records."""
    found = {}
    for part in ("results", ".snakemake/metadata"):
        sizes = [path.stat().st_size for path in (folder / part).rglob("*") if path.is_file()]
        found[part] = {"files": len(sizes), "bytes": sum(sizes)}
    return found


def measured(folder: Path, cells: int) -> dict[str, Any]:
    made = sized(cells)
    begun = time.perf_counter()
    make(folder, made, CORES)
    making = time.perf_counter() - begun
    size = disk(folder)
    runs = {}
    parts = {}
    for name, command in RUNS.items():
        runs[name] = measure(folder, command)
        parts = parts or stages(folder, made.study)
    return {
        "cells": len(made.cells()),
        "making_seconds": making,
        "runs": runs,
        "commands_of_the_first_run": parts,
        "disk": size,
        "file_calls_of_a_dry_run": file_calls(folder),
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="An empty folder, kept; else a scratch one.")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/ten_thousand.json"))
    given = parser.parse_args()
    # The jobs' annobench is the one of this Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with TemporaryDirectory() as scratch:
        folder = (given.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        found = measured(folder, given.cells)
    write_json(given.out, found)
    print(f"{found['cells']:,} cells, {CORES} cores, made in {found['making_seconds']:.0f} s")
    print("| what | s | processor, s | peak, GiB | load before |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, run in found["runs"].items():
        numbers = (run["seconds"], run["processor_seconds"], run["peak_bytes"] / 2**30, run["load"])
        print(f"| {name} | {' | '.join(f'{number:.1f}' for number in numbers)} |")
    for stage, seconds in found["commands_of_the_first_run"].items():
        print(f"{stage}: {seconds:.1f} s")
    for part, size in found["disk"].items():
        print(f"{part}: {size['files']:,} files, {size['bytes'] / 2**20:,.0f} MiB")
    if found["file_calls_of_a_dry_run"] is not None:
        print(f"system calls on files of a dry-run: {found['file_calls_of_a_dry_run']:,}")


if __name__ == "__main__":
    main()
