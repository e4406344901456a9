"""This engine against the plain Hugging Face Trainer, side by side on one cell of a study.

Both train the same layers with the same loss on the same annotations for as many optimizer steps;
each runs in a process of its own on the same number of threads, and which goes first alternates
from seed to seed. This process imports no torch: Linux counts the memory of the process that
starts another as the other's least peak.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from comparison import Run, accuracies, markdown, ratios

from annobench import layout, recipes
from annobench.errors import AnnobenchError
from annobench.files import read_json, write_json
from annobench.study import Study, parse_study, read_study

HERE = Path(__file__).parent
NAME = "engine-vs-trainer"
"""The benchmark works in results/<this>, beside the study's own results and apart from them."""


def benchmark_study(study: Study, cell: str, seeds: list[int] | None, threads: int) -> Study:
    """The study under the benchmark's name, with these seeds and threads.

    Raises:
        AnnobenchError: no such cell, a cell that the peer cannot train, or threads that the study's
            own entries override.
    """
    values = recipes.whole(study)
    values |= {"study": NAME, "seeds": seeds or study.seeds}
    values["training"] |= {"threads": threads}
    changed = parse_study(values, "benchmark")
    cells = {point.path.rpartition("/")[0]: point for point in changed.cells()}
    if cell not in cells:
        raise AnnobenchError(f"--cell: found {cell!r}; allowed: {', '.join(cells)}")
    point = cells[cell]
    kind, score = changed.methods[point.method].kind, changed.models[point.model].score
    if (kind, score) != ("realm", "sum"):
        raise AnnobenchError(
            f"--cell: found method {kind!r} with score {score!r}; allowed: 'realm' with 'sum'"
        )
    own = changed.training_of(point).threads
    if own != threads:
        raise AnnobenchError(
            f"--threads: found {threads}; allowed: {own}, as the study's entries say"
        )
    return changed


def prepare(study: Study, file: Path, cell: str, environment: dict[str, str]) -> None:
    """The cell's items and annotations, by the stages' own commands; its model if it is missing."""
    dataset, noise, model, _ = cell.split("/")
    commands = [["prepare", str(file), dataset]]
    commands += [["annotate", str(file), dataset, noise, str(seed)] for seed in study.seeds]
    if not Path(layout.MODEL.format(asset=layout.asset(study.models[model].source))).exists():
        commands.insert(0, ["fetch", str(file), model])
    for command in commands:
        subprocess.run([sys.executable, "-m", "annobench", *command], check=True, env=environment)


def measure(
    side: str, file: Path, path: str, share: float | None, environment: dict[str, str]
) -> Run:
    """One side on one cell, in a process of its own."""
    out = file.parent / f"{side}-{path.rpartition('/')[2]}.json"
    command = [HERE / "sides.py", side, file, path, time.time(), out]
    command += [] if share is None else ["--share", share]
    subprocess.run([sys.executable, *map(str, command)], check=True, env=environment)
    run = Run(**read_json(out))
    print(f"{side} {path}: {run.seconds:.1f} s", file=sys.stderr)
    return run


def compare(study: Study, file: Path, cell: str, share: float | None) -> list[Run]:
    """The shared states once, then both sides for each seed, taking turns to go first."""
    environment = os.environ | {"OMP_NUM_THREADS": str(study.training.threads)}
    prepare(study, file, cell, environment)
    runs = [measure("shared-states", file, f"{cell}/{study.seeds[0]}", None, environment)]
    for number, seed in enumerate(study.seeds):
        sides = ["engine", "trainer"]
        for side in sides if number % 2 == 0 else reversed(sides):
            own_share = share if side == "trainer" else None
            runs.append(measure(side, file, f"{cell}/{seed}", own_share, environment))
    return runs


def report(study: Study, cell: str, share: float | None, runs: list[Run]) -> dict[str, Any]:
    """Everything that was measured, and on what."""
    packages = ("annobench", "torch", "transformers", "accelerate")
    return {
        "cell": cell,
        "seeds": study.seeds,
        "threads": study.training.threads,
        "processor": processor(),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in packages}
        | {"python": platform.python_version()},
        "study": recipes.whole(study),
        "trainer_share": share,
        "extrapolated": share is not None,
        "runs": [vars(run) for run in runs],
        "ratios": [vars(ratio) for ratio in ratios(runs)],
        "accuracy": accuracies(runs),
    }


def processor() -> str:
    """The processor's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def a_share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"found {text}; allowed: more than 0, at most 1")
    return share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", type=Path, default=Path("config.yaml"), help="a study file")
    parser.add_argument(
        "--cell",
        default="geo/half-good/smollm2-135m/realm",
        metavar="DATASET/NOISE/MODEL/METHOD",
        help="a cell of the study, without its seed (default: %(default)s)",
    )
    parser.add_argument("--seeds", type=int, nargs="+", help="the study's own if absent")
    parser.add_argument(
        "--trainer-share",
        type=a_share,
        metavar="S",
        help="run the Trainer for this share of one epoch and extrapolate its time",
    )
    parser.add_argument("--threads", type=int, default=2, help="of each side (default: 2)")
    parser.add_argument(
        "--out", type=Path, default=Path("results/benchmarks/engine_vs_trainer.json")
    )
    given = parser.parse_args()
    try:
        study = benchmark_study(read_study(given.study), given.cell, given.seeds, given.threads)
        file = Path(layout.STUDY.format(study=study.study))
        write_json(file, recipes.whole(study))
        runs = compare(study, file, given.cell, given.trainer_share)
    except AnnobenchError as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    measured = report(study, given.cell, given.trainer_share, runs)
    write_json(given.out, measured)
    print(markdown(measured))


if __name__ == "__main__":
    main()
