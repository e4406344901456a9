"""Where the time of a study went, from the lines that its commands note."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from annobench.clock import PHASES

if TYPE_CHECKING:
    from pathlib import Path

REST = "rest"
"""What no phase counts: reading and writing files, and what a method computes without the model."""


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of `clock.add`, of runs and of commands; one that is none of them, as a kill or a
    full disk leaves it, is left out. A study that ran by hand has none."""
    found = []
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    for text_line in text.splitlines():
        try:
            line = json.loads(text_line)
        except ValueError:
            continue
        if isinstance(line, dict) and (line.keys() >= _RUN or line.keys() >= _COMMAND):
            found.append(line)
    return found


_RUN = {"cores", "begun"}
_COMMAND = {"command", "begun", "seconds", "threads", "phases", "peak_memory_bytes"}


def last_run(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last line of a workflow that began, and the commands behind it."""
    starts = [number for number, line in enumerate(lines) if "cores" in line]
    return lines[starts[-1] :] if starts else []


def commands(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """One row for each command, by its last line: stage, peak memory in GiB, core seconds in all
    and in each phase. A command counts as often as it has threads."""
    rows = {}
    for line in lines:
        if "command" in line:
            stage, *place = line["command"]
            phases = {name: line["phases"].get(name, 0.0) for name in PHASES}
            rest = max(line["seconds"] - sum(phases.values()), 0.0)
            seconds = {"all": line["seconds"]} | phases | {REST: rest}
            cores = {name: value * line["threads"] for name, value in seconds.items()}
            memory = line["peak_memory_bytes"] / 2**30
            rows[stage, *place] = {"stage": stage, "memory": memory} | cores
    return pd.DataFrame(rows.values(), columns=["stage", "memory", "all", *PHASES, REST])


def table(done: pd.DataFrame) -> pd.DataFrame:
    """One row per stage and one for all of them: how many commands, the largest memory of one, the
    core time, and the share of each phase in percent."""
    rows = [_row(str(stage), found) for stage, found in done.groupby("stage", sort=False)]
    return pd.DataFrame([*rows, _row("all", done)]).iloc[: None if rows else 0]


def _row(stage: str, done: pd.DataFrame) -> dict[str, Any]:
    whole = float(done["all"].sum())
    shares = {
        f"{name}, %": 100 * float(done[name].sum()) / (whole or 1.0) for name in (*PHASES, REST)
    }
    costs = {"peak memory, GiB": float(done["memory"].max()), "core time, s": whole}
    return {"stage": stage, "jobs": len(done)} | costs | shares


def summary(lines: list[dict[str, Any]], ended: float) -> str:
    """The wall time of the last run until `ended` (seconds since the epoch), and what its cores did
    meanwhile; nothing if it had no command to run."""
    run = last_run(lines)
    done = commands(run)
    if done.empty:
        return ""
    wall, cores = ended - run[0]["begun"], run[0]["cores"]
    if cores is None:
        return f"{len(done)} jobs in {wall:.0f} s"
    model = done[["training", "predicting", "asking", "encoding"]].sum()
    parts = {
        "training": model["training"],
        "predicting": model["predicting"],
        "asking and encoding": model["asking"] + model["encoding"],
        "the rest of jobs": done["all"].sum() - model.sum(),
        "no job": wall * cores - done["all"].sum(),
    }
    shares = ", ".join(f"{name} {100 * s / (wall * cores):.1f} %" for name, s in parts.items())
    return f"{len(done)} jobs in {wall:.0f} s on {cores} cores: {shares}"
