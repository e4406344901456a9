"""What is compared and how it is printed: plain numbers in, ratios and Markdown out. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

MARGIN = 0.02
"""The two sides learn the same if their mean accuracies differ by no more than this."""
FEWEST_STEPS = 3
"""Steps after the warm-up step that an extrapolation rests on at least."""


@dataclass(frozen=True)
class Run:
    """What one side took, in a process of its own."""

    side: str
    """`shared states`, `engine` or `trainer`."""
    seed: int | None
    """None for the shared states, which depend on no seed."""
    seconds: float
    """Of the work alone: models and data are loaded, nothing is evaluated."""
    process_seconds: float
    """From the start of the process to the end of the work."""
    peak_memory_bytes: int
    """Largest memory up to the end of the work: the device's if it is a GPU, else resident."""
    steps: int
    """Optimizer steps of the whole training."""
    trained_parameters: int
    accuracy: float | None
    """On the test items; None where nothing was trained to its end."""
    extrapolated: bool
    """Whether the seconds are extrapolated from a part of an epoch."""
    device: str
    load_average: float
    """The machine's over the last minute, when the process began."""


def steps_to_run(share: float, per_epoch: int, steps: int) -> int:
    """How many steps stand for all `steps`: one to warm up and a share of an epoch."""
    return min(steps, 1 + max(FEWEST_STEPS, round(share * per_epoch)))


def extrapolate(ends: Sequence[float], steps: int) -> float:
    """Seconds of `steps` steps, from when the first of them ended, counted from the start.

    The first step, which warms up, counts as it was; every other one as the mean of the rest.
    """
    return ends[0] + (steps - 1) * (ends[-1] - ends[0]) / (len(ends) - 1)


def ratios(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """How many times more the trainer takes than the engine: median, least and most over seeds."""
    (states,) = (run for run in runs if run.side == "shared states")
    pairs = _pairs(runs)
    quotients = {
        "training": [t.seconds / e.seconds for e, t in pairs],
        "training, with shared states": [
            t.seconds / (e.seconds + states.seconds) for e, t in pairs
        ],
        "whole process": [t.process_seconds / e.process_seconds for e, t in pairs],
        "whole process, with shared states": [
            t.process_seconds / (e.process_seconds + states.process_seconds) for e, t in pairs
        ],
        "peak memory": [t.peak_memory_bytes / e.peak_memory_bytes for e, t in pairs],
    }
    return {
        name: {"median": median(values), "min": min(values), "max": max(values)}
        for name, values in quotients.items()
    }


def _pairs(runs: Sequence[Run]) -> list[tuple[Run, Run]]:
    """(engine, trainer) of each seed."""
    by_side = {(run.side, run.seed): run for run in runs}
    seeds = sorted(run.seed for run in runs if run.side == "engine" and run.seed is not None)
    return [(by_side["engine", seed], by_side["trainer", seed]) for seed in seeds]


def accuracies(runs: Sequence[Run]) -> dict[str, float | bool | None]:
    """Mean accuracy of both sides and whether they agree; None where the trainer was cut short."""
    engine = _mean_accuracy(runs, "engine")
    trainer = _mean_accuracy(runs, "trainer")
    difference = None if engine is None or trainer is None else engine - trainer
    return {
        "engine": engine,
        "trainer": trainer,
        "difference": difference,
        "margin": MARGIN,
        "within_margin": None if difference is None else abs(difference) <= MARGIN,
    }


def _mean_accuracy(runs: Sequence[Run], side: str) -> float | None:
    values = [run.accuracy for run in runs if run.side == side]
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def markdown(report: dict[str, Any]) -> str:
    """The tables of a report as `engine_vs_trainer.report` makes it."""
    extrapolated = report["extrapolated"]
    runs = [
        [
            run["side"],
            "" if run["seed"] is None else str(run["seed"]),
            f"{run['seconds']:.1f}",
            f"{run['process_seconds']:.1f}",
            f"{run['peak_memory_bytes'] / 2**20:.0f}",
            str(run["steps"] or ""),
            "" if run["accuracy"] is None else f"{run['accuracy']:.4f}",
            _yes(run["extrapolated"]),
        ]
        for run in report["runs"]
    ]
    times = [
        [
            name,
            *(f"{value[key]:.1f}" for key in ("median", "min", "max")),
            _yes(extrapolated and name != "peak memory"),
        ]
        for name, value in report["ratios"].items()
    ]
    heads = "side seed,training s,process s,peak MiB,steps,accuracy,extrapolated"
    return "\n\n".join(
        [
            f"{report['cell']}, {report['threads']} threads, {report['processor']}",
            _table(["side", *heads.removeprefix("side ").split(",")], runs),
            _table(["trainer / engine", "median", "min", "max", "extrapolated"], times),
            _verdict(report["accuracy"]),
        ]
    )


def _verdict(accuracy: dict[str, float | bool | None]) -> str:
    if accuracy["difference"] is None:
        return "Accuracy: not compared, the trainer ran for part of an epoch only."
    return (
        f"Mean accuracy: engine {accuracy['engine']:.4f}, trainer {accuracy['trainer']:.4f}, "
        f"difference {accuracy['difference']:+.4f}; within {MARGIN}: "
        f"{_yes(bool(accuracy['within_margin']))}."
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )
