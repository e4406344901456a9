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


@dataclass(frozen=True)
class Ratio:
    """How many times more the trainer takes than the engine, over seeds."""

    of: str
    median: float
    min: float
    max: float
    extrapolated: bool


def ratios(runs: Sequence[Run]) -> list[Ratio]:
    """Time and memory of the trainer over the engine's, with and without the shared states."""
    (states,) = (run for run in runs if run.side == "shared states")
    pairs = _pairs(runs)
    extrapolated = any(run.extrapolated for run in runs)
    quotients = {
        "training": [t.seconds / e.seconds for e, t in pairs],
        "training + shared states": [t.seconds / (e.seconds + states.seconds) for e, t in pairs],
        "whole process": [t.process_seconds / e.process_seconds for e, t in pairs],
        "whole process + shared states": [
            t.process_seconds / (e.process_seconds + states.process_seconds) for e, t in pairs
        ],
        "peak memory": [t.peak_memory_bytes / e.peak_memory_bytes for e, t in pairs],
    }
    return [
        Ratio(name, median(values), min(values), max(values), extrapolated)
        for name, values in quotients.items()
    ]


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
    """The tables of a report, as `engine_vs_trainer.report` makes it."""
    runs = [
        {
            "side": run["side"],
            "seed": "" if run["seed"] is None else str(run["seed"]),
            "training s": f"{run['seconds']:.1f}",
            "process s": f"{run['process_seconds']:.1f}",
            "peak MiB": f"{run['peak_memory_bytes'] / 2**20:.0f}",
            "steps": str(run["steps"] or ""),
            "accuracy": "" if run["accuracy"] is None else f"{run['accuracy']:.4f}",
            "extrapolated": _yes(run["extrapolated"]),
        }
        for run in report["runs"]
    ]
    times = [
        {
            "trainer / engine": ratio["of"],
            "median": f"{ratio['median']:.1f}",
            "min": f"{ratio['min']:.1f}",
            "max": f"{ratio['max']:.1f}",
            "extrapolated": _yes(ratio["extrapolated"]),
        }
        for ratio in report["ratios"]
    ]
    place = f"{report['cell']}, {report['threads']} threads, {report['processor']}"
    return "\n\n".join([place, _table(runs), _table(times), _verdict(report["accuracy"])])


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


def _table(rows: list[dict[str, str]]) -> str:
    head = list(rows[0])
    cells = [list(row.values()) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [head, ["-" * width for width in widths], *cells]
    padded = [[cell.ljust(w) for cell, w in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)
