"""How near every method's distributions come to people's, and what it gains over a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from annobench.reporting.labels import Judged
from annobench.reporting.shown import Shown
from annobench.settings import Name, UserPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from annobench.reporting.formats import Estimate
    from annobench.reporting.labels import Reading
    from annobench.reporting.published import Published
    from annobench.reporting.study_tables import StudyTables

PUBLISHED = "(published)"
UNREAD = "not read, %"
NOT_ASKED = "not asked to write one"
_KEYS = ["dataset", "model", "noise", "reading", "method"]


class Settings(Shown):
    reading: Literal["both", "options", "verbal"] = "both"
    """Which of a model's distributions: its probabilities of the options, the one that it wrote
    down, or first the one and then the other."""
    metrics: tuple[Judged, ...] = Field(
        default=(
            "jsd-distance",
            "jsd-divergence",
            "bhattacharyya",
            "kl",
            "entropy-correlation",
            "calibration",
            "accuracy",
            "macro-f1",
            "k-annotators",
        ),
        min_length=1,
    )
    """The columns, in order; methods stand in the order of the first, the best first."""
    baseline: Name | None = "majority"
    """The method that relative gains are over; null means no gains."""
    gains: tuple[Judged, ...] = ("jsd-distance", "jsd-divergence", "macro-f1")
    """What is gained: where lower is better, how far it goes down, otherwise how far up."""
    path: UserPath | None = None
    """CSV file of published numbers, relative to the working folder; absent means none."""
    table: str = "main"
    """Which of the file's tables."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, reading, method), then one per row of the paper's.

    A gain is the paired difference in percent of the baseline's mean, of the same reading.

    Raises:
        AnnobenchError: the file of published numbers cannot be read, or has no such table.
    """
    from pathlib import Path

    import pandas as pd

    from annobench.reporting import published
    from annobench.reporting.labels import label

    shown = tables.only(settings)
    numbers = published.read(Path(settings.path), settings.table) if settings.path else []
    readings: list[Reading] = ["options", "verbal"]
    rows = [
        row
        for reading in readings
        if settings.reading in (reading, "both")
        for row in _ours(tables, shown, settings, reading)
    ]
    rows.sort(key=lambda row: (row["dataset"], row["model"], row["noise"]))
    theirs = [] if shown.runs.empty else _theirs(numbers)
    headings = [*_KEYS, "seeds", *map(label, settings.metrics)]
    headings += [] if settings.reading == "options" else [UNREAD]
    headings += list(_headings(settings).values())
    headings += list(published.columns(numbers, None)) if numbers else []
    return pd.DataFrame([*rows, *theirs], columns=headings)


def _ours(
    tables: StudyTables, shown: StudyTables, settings: Settings, reading: Reading
) -> Iterator[dict[str, Any]]:
    """`tables` has the baseline, whether it is `shown` or not."""
    from annobench.evaluation.agreement import UNPARSED
    from annobench.reporting.formats import Estimate
    from annobench.reporting.labels import WRITTEN, label, read_as
    from annobench.reporting.study_tables import best_first, groups, select

    metrics = {read_as(metric, reading): label(metric) for metric in settings.metrics}
    for place, rows in groups(shown.summary, ["dataset", "model", "noise"]):
        block = rows[rows["metric"].isin(metrics)]
        if block.empty:
            continue
        means, pairs = select(tables.summary, **place), select(tables.comparisons, **place)
        for method in dict.fromkeys([*best_first(block, list(metrics))["method"], *rows["method"]]):
            at, mine = place | {"method": method}, select(rows, method=method)
            part = mine[mine["metric"].isin(metrics)]
            missing = shown.missing(**at)
            done = int(part["seeds"].max()) if len(part) else 0
            values = {str(row["metric"]): _estimate(row, done) for _, row in part.iterrows()}
            row = (
                at
                | {"reading": WRITTEN[reading], "seeds": _seeds(part, missing)}
                | {heading: values.get(name, Estimate(None)) for name, heading in metrics.items()}
                | _gains(means, pairs, settings, reading, method)
            )
            if reading == "verbal":
                row[UNREAD] = _percent(select(mine, metric=UNPARSED))
            yield row


def _seeds(rows: pd.DataFrame, missing: str) -> str:
    """Of the measure that rests on the most seeds."""
    from annobench.reporting.study_tables import seeds_text

    if rows.empty:
        return missing or NOT_ASKED
    return seeds_text(rows.sort_values("seeds", kind="stable").iloc[-1], missing)


def _estimate(row: pd.Series, done: int) -> Estimate:
    """With a note where the measure is not defined in each of the `done` seeds."""
    from annobench.reporting.formats import estimate

    seeds = int(row["seeds"])
    return estimate(row, note=f"defined in {seeds} of {done}" if seeds < done else "")


def _percent(rows: pd.DataFrame) -> Estimate:
    from annobench.reporting.formats import Estimate, percent

    return Estimate(None) if rows.empty else percent(rows.iloc[0])


def _headings(settings: Settings) -> dict[str, str]:
    """What is gained -> its column."""
    from annobench.reporting.labels import higher_is_better, label

    if settings.baseline is None:
        return {}
    way = {True: "up on", False: "down from"}
    return {
        metric: f"{label(metric)} {way[higher_is_better(metric)]} {settings.baseline}, %"
        for metric in settings.gains
    }


def _gains(
    means: pd.DataFrame, pairs: pd.DataFrame, settings: Settings, reading: Reading, method: str
) -> dict[str, Estimate]:
    """Of rows of SUMMARY and COMPARISONS of one place."""
    from annobench.reporting.formats import Estimate, relative
    from annobench.reporting.labels import higher_is_better, read_as
    from annobench.reporting.study_tables import difference, select

    baseline = str(settings.baseline)
    if method == baseline:
        return dict.fromkeys(_headings(settings).values(), Estimate(None, note="the baseline"))
    cells = {}
    for metric, heading in _headings(settings).items():
        measure = read_as(metric, reading)
        pair = (method, baseline) if higher_is_better(metric) else (baseline, method)
        base = select(means, metric=measure, method=baseline)["mean"].max()
        cells[heading] = relative(difference(select(pairs, metric=measure), *pair), base)
    return cells


def _theirs(numbers: list[Published]) -> list[dict[str, Any]]:
    from annobench.reporting import published

    rows = dict.fromkeys(number.row for number in numbers)
    return [{"dataset": PUBLISHED, "method": row} | published.columns(numbers, row) for row in rows]
