"""Accuracy in percent of every method, beside the numbers that a paper published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from annobench.reporting.shown import Shown
from annobench.settings import UserPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from annobench.reporting.study_tables import StudyTables

NOT_HERE = "(not in this study)"


class Settings(Shown):
    path: UserPath = Field(default="studies/published/realm.csv", min_length=1)
    """CSV file of the paper's numbers, relative to the working folder."""
    table: str = Field(default="single-task", min_length=1)
    """Which of the file's tables."""
    rows: dict[str, str | None] = {}
    """Our data sets, or `<data set>/<task>`, and the row of the paper's table that each stands
    beside; null where the paper has none. None named means every data set and, where one has
    several tasks, each of them, beside no number."""

    def named(self) -> Iterator[tuple[str, str, str]]:
        yield from super().named()
        yield from (("rows", "datasets", name.split("/")[0]) for name in self.rows)


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set or task, model, noise), one column per published number and method.

    Rows of the paper that no data set stands beside come last, with what the paper has.

    Raises:
        AnnobenchError: the file cannot be read, or has no such table or row.
    """
    from pathlib import Path

    import pandas as pd

    from annobench.errors import AnnobenchError
    from annobench.registry import unknown
    from annobench.reporting import published

    tables = tables.only(settings)
    numbers = published.read(Path(settings.path), settings.table)
    theirs = list(dict.fromkeys(number.row for number in numbers))
    for name in filter(None, settings.rows.values()):
        if name not in theirs:
            raise AnnobenchError(unknown(f"{settings.path}: row", name, theirs))
    wanted: dict[str, str | None] = settings.rows or dict.fromkeys(_names(tables))
    rows: list[dict[str, Any]] = []
    for name, row in wanted.items():
        rows += [ours | published.columns(numbers, row) for ours in _ours(tables, name, row)]
    alone = [row for row in theirs if row not in settings.rows.values()]
    if not tables.runs.empty:
        rows += [_place(NOT_HERE, row) | published.columns(numbers, row) for row in alone]
    *theirs, note = published.columns(numbers, None)
    return pd.DataFrame(rows, columns=[*_place("", None), *theirs, *tables.methods, note])


def _names(tables: StudyTables) -> Iterator[str]:
    """Data sets, each with its tasks after it if there are several."""
    from annobench.reporting.study_tables import select

    for dataset in dict.fromkeys(dataset for dataset, _ in tables.blocks):
        yield dataset
        metrics = select(tables.summary, dataset=dataset)["metric"].unique()
        yield from (
            f"{dataset}/{metric.removeprefix('accuracy:')}"
            for metric in metrics
            if metric.startswith("accuracy:")
        )


def _ours(tables: StudyTables, name: str, row: str | None) -> Iterator[dict[str, Any]]:
    """One row per model and noise of a data set or task."""
    from annobench.reporting.formats import percent
    from annobench.reporting.study_tables import groups, select

    dataset, _, task = name.partition("/")
    metric = f"accuracy:{task}" if task else "accuracy"
    found = select(tables.summary, dataset=dataset, metric=metric)
    for place, part in groups(found, ["model", "noise"]):
        means = {
            str(mean["method"]): percent(
                mean, tables.missing(dataset, **place, method=mean["method"])
            )
            for _, mean in part.iterrows()
        }
        yield _place(name, row) | place | means


def _place(name: str, row: str | None) -> dict[str, Any]:
    return {"dataset": name, "paper's row": row, "model": None, "noise": None}
