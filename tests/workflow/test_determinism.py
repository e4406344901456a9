"""On a CPU the same study gives the same bytes, whatever there is around it.

What is exempt holds times: logs, the costs, the clock of a cell's history and record, and
report.html, into which Snakemake writes when each file was made.
"""

import random
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd

from annobench.files import read_json

RESULTS = "results/tiny"
TIMED_FOLDERS = {"logs"}
TIMED_FILES = {"report.html", "report.sha256", "costs.parquet", ".lock"}
CLOCKS = {
    "history.parquet": {"seconds", "items_per_second"},
    "run.json": {
        *("train_seconds", "total_seconds", "items_per_second", "peak_memory_bytes"),
        "annobench-sha256",  # of all of it
    },
}
"""What depends on the clock in files of a cell that hold other things too."""


def timeless(root, path):
    """What a file holds, but for times."""
    clock = CLOCKS.get(path.name) if path.parts[0] == "cells" else None
    path = root / path
    if clock is None:
        return path.read_bytes()
    if path.suffix == ".parquet":
        return pd.read_parquet(path).drop(columns=list(clock)).to_json(double_precision=15)
    return {key: value for key, value in read_json(path).items() if key not in clock}


def made(study):
    """Every file of a finished study by its path, but for those that hold only times."""
    root = study.path(RESULTS)
    paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    kept = [p for p in paths if p.parts[0] not in TIMED_FOLDERS and p.name not in TIMED_FILES]
    return {str(path): timeless(root, path) for path in kept}


def differing(study, other):
    """Paths of the files that are not the same in both."""
    found, wanted = made(study), made(other)
    assert len(wanted) > 90
    return sorted(p for p in found.keys() | wanted.keys() if found.get(p) != wanted.get(p))


def a_locale():
    """One in which numbers, dates and the order of letters are others, where there is one."""
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False)
    others = [n for n in known.stdout.split() if not n.startswith(("C", "POSIX", "en"))]
    return next(iter(others), "POSIX")


WORLD = {
    "LC_ALL": a_locale(),
    "TZ": "XXX-13:45",
    "PYTHONHASHSEED": "12345",
    "OMP_NUM_THREADS": "3",
    "COLUMNS": "40",
    "MPLBACKEND": "svg",
}


def test_one_core_another_order_and_another_world(finished, fresh, tmp_path, all_cells):
    folder = shutil.copytree(fresh.folder, tmp_path / "another place")
    study = replace(fresh, folder=folder, environment=WORLD)
    first = all_cells[-4:]
    records = [f"{RESULTS}/cells/{cell}/run.json" for cell in first]
    study.do("snakemake", "--cores", "1", "--prioritize", *records)
    orders = [sorted(all_cells, key=lambda cell: ended(one, cell)) for one in (study, finished)]
    assert set(orders[0][:4]) == set(first)
    assert orders[0] != orders[1]
    assert differing(study, finished) == []


def ended(study, cell):
    return study.path(f"{RESULTS}/cells/{cell}/run.json").stat().st_mtime_ns


BY_HAND = """
import sys
import annobench.__main__
from annobench.cli import app
for command in sys.stdin.read().splitlines():
    app(command.split(), standalone_mode=False)
"""


def test_cells_by_hand_one_after_the_other_in_one_process(finished, done_study, all_cells):
    """Shuffled, where text is ASCII unless somebody says otherwise."""
    ascii_only = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    study = replace(done_study, environment=WORLD | ascii_only)
    shutil.rmtree(study.path(RESULTS))
    shuffled = random.Random(0).sample(all_cells, len(all_cells))
    draws = [f"annotate config.yaml geo {n} {s}" for n in ("one-good", "half-good") for s in (1, 0)]
    commands = [
        "encode config.yaml geo llama",
        *[f"train config.yaml {cell}" for cell in shuffled],
        "evaluate config.yaml",
        *[f"table config.yaml {name}" for name in ("comparisons", "results")],
        *[f"figure config.yaml {name}" for name in ("training-curves", "accuracy-by-noise")],
    ]
    lines = "\n".join(["prepare config.yaml geo", *draws, *commands])
    with study.start(sys.executable, "-c", BY_HAND, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(lines)
    assert process.returncode == 0, out + err
    assert differing(study, finished) == ["study.json"]  # which the workflow writes
