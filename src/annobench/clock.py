"""Where a process's time goes: the seconds of each phase of its work."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

begun = time.time()
"""When this process's command began, in seconds since the epoch: before the process if that was
forked, see `warm`."""

PHASES = ("starting", "waiting", "loading", "encoding", "asking", "training", "predicting")

spent: dict[str, float] = {}
"""Seconds so far, by phase; what is spent in a phase inside another counts there only."""

_inner: list[float] = []
"""Of each phase that is open, the seconds of the phases inside it."""


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Count what is spent inside as this phase's. Serves as a decorator, too."""
    begun = time.perf_counter()
    _inner.append(0.0)
    try:
        yield
    finally:
        seconds = time.perf_counter() - begun
        spent[name] = spent.get(name, 0.0) + seconds - _inner.pop()
        if _inner:
            _inner[-1] += seconds


@contextmanager
def noted(path: Path, command: list[str]) -> Iterator[None]:
    """Add a line about this process's command to a file, however the command ends."""
    spent["starting"] = time.time() - begun
    status = 1
    try:
        yield
        status = 0
    finally:
        torch: Any = sys.modules.get("torch")
        threads = 1 if torch is None else torch.get_num_threads()
        line = {
            "command": command,
            "begun": begun,
            "seconds": time.time() - begun,
            "threads": threads,
            "phases": spent,
            "peak_memory_bytes": getrusage(RUSAGE_SELF).ru_maxrss * 1024,
            "status": status,
        }
        add(path, line)


def add(path: Path, line: dict[str, Any]) -> None:
    """Add a line of JSON to a file: in one write, so that those of others do not mix in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")
