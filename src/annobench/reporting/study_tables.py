"""The tables of a study's results, read when they are first asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from annobench import tables
from annobench.evaluation.cells import OK


@dataclass(frozen=True)
class StudyTables:
    """The folder `results/<study>/`. Reading raises AnnobenchError as `tables.read` does."""

    folder: Path

    @cached_property
    def metrics(self) -> pd.DataFrame:
        return tables.read(self.folder / "metrics.parquet", tables.METRICS)

    @cached_property
    def summary(self) -> pd.DataFrame:
        return tables.read(self.folder / "summary.parquet", tables.SUMMARY)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        return tables.read(self.folder / "comparisons.parquet", tables.COMPARISONS)

    @cached_property
    def annotators(self) -> pd.DataFrame:
        return tables.read(self.folder / "annotators.parquet", tables.STUDY_ANNOTATORS)

    @cached_property
    def history(self) -> pd.DataFrame:
        return tables.read(self.folder / "history.parquet", tables.STUDY_HISTORY)

    @cached_property
    def runs(self) -> pd.DataFrame:
        return tables.read(self.folder / "runs.parquet", tables.RUNS)

    @property
    def methods(self) -> list[str]:
        """In the order of the study."""
        return [str(method) for method in self.runs["method"].unique()]

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Every (data set, model), in the order of the study."""
        pairs = self.runs[["dataset", "model"]].drop_duplicates()
        return [(str(dataset), str(model)) for dataset, model in pairs.itertuples(index=False)]

    def missing(self, dataset: str, model: str, noise: str, method: str) -> str:
        """What became of the seeds that a summary lacks, as "2 diverged, 1 failed"; or ""."""
        runs = select(self.runs, dataset=dataset, model=model, method=method)
        runs = runs[runs["noise"].isna() | (runs["noise"] == noise)]
        counts = runs.loc[runs["status"] != OK, "status"].value_counts(sort=False)
        return ", ".join(f"{count} {status}" for status, count in counts.items())


def select(frame: pd.DataFrame, **where: str) -> pd.DataFrame:
    """The rows whose columns equal the given values."""
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def groups(
    frame: pd.DataFrame, columns: list[str]
) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Groups of equal `columns` in order of appearance, each with its names."""
    for names, rows in frame.groupby(columns, sort=False):
        yield dict(zip(columns, map(str, names), strict=True)), rows


def seeds_text(row: pd.Series, missing: str) -> str:
    """How many seeds a mean rests on: "2 of 3 (1 diverged)"."""
    done = f"{row['seeds']} of {row['seeds_planned']}"
    return f"{done} ({missing})" if missing else done
