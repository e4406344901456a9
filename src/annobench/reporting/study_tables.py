"""The tables of a study's results, read when they are first asked for."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from annobench import layout, tables
from annobench.evaluation.cells import OK
from annobench.evaluation.summary import NO_NOISE
from annobench.reporting import style, times
from annobench.reporting.formats import Row
from annobench.reporting.shown import Shown

_AXES = {"dataset": "datasets", "model": "models", "noise": "noises", "method": "methods"}
"""Column of the tables -> key of `Shown`."""


_EVERYTHING = Shown()
Place = tuple[str, str, str]
"""data set, model, noise"""


@dataclass(frozen=True)
class StudyTables:
    """The folder `results/<study>/`, or what is `shown` of it.

    Cells that do not depend on noise are shown with every noise. Reading raises AnnobenchError as
    `tables.read` does.
    """

    folder: Path
    shown: Shown = _EVERYTHING

    def only(self, shown: Shown) -> "StudyTables":
        """These tables with other names shown."""
        return replace(self, shown=shown)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        return self._read("metrics")

    @cached_property
    def summary(self) -> pd.DataFrame:
        return self._read("summary")

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Pairs one of whose methods is shown."""
        return self._read("comparisons")

    @cached_property
    def annotators(self) -> pd.DataFrame:
        return self._read("annotators")

    @cached_property
    def history(self) -> pd.DataFrame:
        return self._read("history")

    @cached_property
    def runs(self) -> pd.DataFrame:
        return self._read("runs")

    @cached_property
    def costs(self) -> pd.DataFrame:
        return self._read("costs")

    @cached_property
    def crowds(self) -> pd.DataFrame:
        return self._read("crowds")

    @cached_property
    def selection(self) -> pd.DataFrame:
        return self._read("selection")

    @cached_property
    def views(self) -> pd.DataFrame:
        return self._read("views")

    @cached_property
    def distributions(self) -> pd.DataFrame:
        return self._read("distributions")

    @cached_property
    def recovery(self) -> pd.DataFrame:
        return self._read("recovery")

    @cached_property
    def times(self) -> list[dict[str, Any]]:
        """See `reporting.times`."""
        return times.read(self.folder / layout.inside(layout.TIMES))

    def _read(self, name: str) -> pd.DataFrame:
        frame = tables.read(self.folder / f"{name}.parquet", tables.STUDY_SCHEMAS[name])
        for column, key in _AXES.items():
            names = getattr(self.shown, key)
            if names and column in frame:
                wanted = frame[column].isin(names) | frame[column].isna()
                if column == "method" and "other" in frame:
                    wanted |= frame["other"].isin(names)
                frame = frame[wanted]
        return frame

    @property
    def methods(self) -> list[str]:
        """In the order of the study."""
        return [str(method) for method in self.runs["method"].unique()]

    @cached_property
    def looks(self) -> dict[str, style.Look]:
        """Every method's look, whichever methods are shown."""
        return style.looks(replace(self, shown=_EVERYTHING).methods)

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Every (data set, model), in the order of the study."""
        pairs = self.runs[["dataset", "model"]].drop_duplicates()
        return [(str(dataset), str(model)) for dataset, model in pairs.itertuples(index=False)]

    @property
    def places(self) -> list[Place]:
        """Every place, in the order of the study; `NO_NOISE` where no cell depends on noise."""
        return [
            (dataset, model, noise)
            for dataset, model in self.blocks
            for noise in select(self.runs, dataset=dataset, model=model)["noise"]
            .dropna()
            .unique()
            .tolist()
            or [NO_NOISE]
        ]

    def missing(self, dataset: str, model: str, noise: str, method: str) -> str:
        """What became of the seeds that a summary lacks, as "2 diverged, 1 failed"; or ""."""
        holes = self._holes.get((dataset, model, method), [])
        counts = Counter(status for of, status in holes if of is None or of == noise)
        return ", ".join(f"{count} {status}" for status, count in counts.items())

    @cached_property
    def _holes(self) -> dict[tuple[str, str, str], list[tuple[str | None, str]]]:
        """(data set, model, method) -> noise and status of every cell that is not ok."""
        runs = self.runs[self.runs["status"] != OK]
        rows = runs[["dataset", "model", "method", "noise", "status"]].astype(object)
        found = defaultdict(list)
        for *place, noise, status in rows.itertuples(index=False):
            found[tuple(place)].append((None if pd.isna(noise) else noise, status))
        return found

    @cached_property
    def reasons(self) -> dict[tuple[str, ...], str]:
        """(data set, model, noise, method, metric) -> why cells that are ok lack the metric."""
        told = self.metrics[(self.metrics["status"] == OK) & self.metrics["reason"].notna()]
        keys = ["dataset", "model", "noise", "method", "metric"]
        return {
            tuple(map(str, names)): "; ".join(rows["reason"].unique())
            for names, rows in told.groupby(keys, sort=False)
        }

    def absent(self, rows: pd.DataFrame) -> dict[str, str]:
        """Methods without a row at some place of these rows of `summary`, and what became of them
        there; "" of one that was not run, or whose cells do not have what is measured."""
        found: dict[str, dict[str, None]] = {}
        for place, here in groups(rows, ["dataset", "model", "noise"]):
            runs = at(self.runs, (place["dataset"], place["model"], place["noise"]))
            done = set(runs.loc[runs["status"] == OK, "method"])
            for method in self.methods:
                if method not in set(here["method"]):
                    lost = "" if method in done else self.missing(**place, method=method)
                    found.setdefault(method, {})[lost] = None
        return {method: "" if "" in lost else ", ".join(lost) for method, lost in found.items()}

    def lost(self, rows: pd.DataFrame) -> list[str]:
        """What each row of `summary` is missing."""
        places = rows[["dataset", "model", "noise", "method"]].to_dict("records")
        return [self.missing(**{str(key): str(at[key]) for key in at}) for at in places]


def select(frame: pd.DataFrame, **where: str) -> pd.DataFrame:
    """The rows whose columns equal the given values."""
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def at(frame: pd.DataFrame, place: Place) -> pd.DataFrame:
    """The rows of a place, and those of cells that do not depend on noise."""
    dataset, model, noise = place
    rows = select(frame, dataset=dataset, model=model)
    return rows[rows["noise"].isna() | (rows["noise"] == noise)]


def groups(
    frame: pd.DataFrame, columns: list[str]
) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Groups of equal `columns` in order of appearance, each with its names."""
    for names, rows in frame.groupby(columns, sort=False):
        yield dict(zip(columns, map(str, names), strict=True)), rows


def by(frame: pd.DataFrame, columns: list[str]) -> dict[tuple[str, ...], pd.DataFrame]:
    """The rows of each group of equal `columns`, by its names."""
    return {tuple(names.values()): rows for names, rows in groups(frame, columns)}


def best_first(block: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """The rows of one (data set, model, noise), in the order of its first metric's means."""
    from annobench.reporting.labels import higher_is_better

    first = next(metric for metric in metrics if metric in set(block["metric"]))
    means = block[block["metric"] == first].set_index("method")["mean"]
    order = means.sort_values(ascending=not higher_is_better(first), kind="stable")
    places = {method: place for place, method in enumerate(order.index)}
    return block.sort_values("method", key=lambda names: names.map(places), kind="stable")


def seeds_text(row: Row, missing: str) -> str:
    """How many seeds a mean rests on: "2 of 3 (1 diverged)"."""
    done = f"{row['seeds']} of {row['seeds_planned']}"
    return f"{done} ({missing})" if missing else done


def difference(pairs: pd.DataFrame, method: str, other: str) -> pd.Series | None:
    """Method minus other, of rows of COMPARISONS of one place and metric; None if the two have no
    seed in common."""
    for at, names in enumerate(zip(pairs["method"], pairs["other"], strict=True)):
        if set(names) == {method, other}:
            pair = pairs.iloc[at]
            return pair if names[0] == method else turned(pair)
    return None


def turned(pair: pd.Series) -> pd.Series:
    """A row of COMPARISONS the other way round."""
    turned = pair.copy()
    turned["method"], turned["other"] = pair["other"], pair["method"]
    turned["difference"] = -pair["difference"]
    turned["low"], turned["high"] = -pair["high"], -pair["low"]
    return turned
