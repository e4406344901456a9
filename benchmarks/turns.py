"""Sides of a benchmark in processes of their own, taking turns to go first."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annobench.files import read_json


def in_turns(script: Path, sides: Sequence[str], given: argparse.Namespace) -> list[dict[str, Any]]:
    """What `script` writes for every side of each of `given.repeats`, started with what was given
    as `--one`."""
    runs = []
    for repeat in range(given.repeats):
        for side in sides if repeat % 2 == 0 else reversed(sides):
            with TemporaryDirectory() as folder:
                out = Path(folder) / "run.json"
                one = json.dumps(vars(given) | {"side": side, "out": str(out)}, default=str)
                subprocess.run(
                    [sys.executable, script, "--model", given.model, "--one", one],
                    check=True,
                    env=os.environ | {"OMP_NUM_THREADS": str(given.threads)},
                )
                runs.append(read_json(out))
    return runs
