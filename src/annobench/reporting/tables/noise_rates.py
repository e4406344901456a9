"""Accuracy in percent of every method at several rates of noise, in a paper's own layout and beside
the numbers that it published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BeforeValidator, model_validator

from annobench.registry import unknown
from annobench.reporting.labels import Measure
from annobench.reporting.shown import Shown
from annobench.settings import Name, UserPath
from annobench.settings import Settings as Keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from annobench.reporting.formats import Estimate
    from annobench.reporting.published import Published
    from annobench.reporting.study_tables import StudyTables

Label = Annotated[str, BeforeValidator(str)]
"""As the paper writes it; a rate may be a number."""


class Row(Keys):
    method: Name
    """The method that stands in this row."""
    model: Name | None = None
    """Its model, where it is not the table's."""


class Settings(Shown):
    model: Name | None = None
    """The model of the rows that name none; absent means every model, one after another."""
    rows: dict[Label, Row] = {}
    """The paper's name of each row, and what stands in it; none named means every method."""
    columns: dict[Label, Name] = {}
    """The paper's name of each data set, and ours; none named means every data set."""
    rates: dict[Label, Name] = {}
    """The paper's rates of noise, such as 30, and our entry of `noise` for each; none named means
    every noise."""
    measures: dict[Label, Measure] = {}
    """What is measured in a column, where that is not the accuracy; a share, shown in percent."""
    gain: dict[Label, tuple[Label, ...]] = {}
    """A row, and those that its relative gain over is shown in the last rows. A gain is paired by
    test item and seed, so both are of one model."""
    path: UserPath | None = None
    """CSV file of the paper's numbers, relative to the working folder; absent means none. Its
    columns are named `<data set> <rate>`, or `<data set>` where a number is the same at all."""
    table: str = "main"
    """Which of the file's tables."""

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        for name in self.measures if self.columns else ():
            if name not in self.columns:
                raise ValueError(unknown("measures:", name, list(self.columns)))
        for of, over in self.gain.items() if self.rows else ():
            for name in (of, *over):
                if name not in self.rows:
                    raise ValueError(unknown("gain:", name, list(self.rows)))
                if self.rows[name].model != self.rows[of].model:
                    raise ValueError(
                        f"gain: found {of!r} over {name!r}; allowed: rows of one model"
                    )
        return self

    def named(self) -> Iterator[tuple[str, str, str]]:
        yield from super().named()
        for label, row in self.rows.items():
            yield f"rows.{label}.method", "methods", row.method
            if row.model:
                yield f"rows.{label}.model", "models", row.model
        yield from ((f"columns.{label}", "datasets", name) for label, name in self.columns.items())
        yield from ((f"rates.{label}", "noise", name) for label, name in self.rates.items())
        if not self.rows:  # every method is a row
            yield from (("gain", "methods", n) for of in self.gain for n in (of, *self.gain[of]))


class _Place(NamedTuple):
    """A column: a data set under a noise, as the paper names both and as we do."""

    label: str
    rate: str
    dataset: str | None
    noise: str | None
    metric: str

    def __str__(self) -> str:
        return f"{self.label} {self.rate}"


_Summary = dict[tuple[Any, ...], dict[Any, Any]]
"""The rows of SUMMARY by `_key`."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per method of a model; per data set and rate a column of ours and one of the paper's.

    Rows stand in the order of the paper, then those that it has not, then the relative gains; what
    only one of the two has is a dash at the other.

    Raises:
        AnnobenchError: the file of the paper's numbers cannot be read, or has no such table.
    """
    from pathlib import Path

    import pandas as pd

    from annobench.reporting import published

    tables = tables.only(settings)
    numbers = published.read(Path(settings.path), settings.table) if settings.path else []
    named = settings.rows or {name: Row(method=name) for name in tables.methods}
    places = _places(tables, settings, numbers)
    keys = ["metric", "dataset", "model", "noise", "method"]
    records = tables.summary.to_dict("records")
    summary: _Summary = {tuple(row[key] for key in keys): row for row in records}
    models = [settings.model] if settings.model else list(tables.runs["model"].unique())
    rows: list[dict[str, Any]] = []
    for model in models:
        for label in dict.fromkeys([*(number.row for number in numbers), *named]):
            own = {"method": label}
            if label in named:
                own = _ours(tables, summary, places, model, label, named[label])
            rows.append(own | _theirs(places, numbers, label))
        rows += [
            {"method": f"{of} over {other}, relative gain in %", "model": named[of].model or model}
            | _our_gains(tables, summary, places, model, named[of], named[other])
            | _their_gains(places, numbers, of, other)
            for of, over in settings.gain.items()
            for other in over
        ]
    pairs = [(str(place), f"paper: {place}") for place in places]
    shown = [name for pair in pairs for name in (pair if numbers else pair[:1])]
    note = ["the paper's note"] if numbers else []
    return pd.DataFrame(rows, columns=["method", "model", "seeds", "items", *shown, *note])


def _places(tables: StudyTables, settings: Settings, numbers: list[Published]) -> list[_Place]:
    """Our data sets, in the order of the paper, then those that only the paper has."""
    runs, summary = tables.runs, tables.summary
    datasets = settings.columns or {str(name): str(name) for name in runs["dataset"].unique()}
    noises = settings.rates or {str(name): str(name) for name in summary["noise"].unique()}
    theirs = [_label_and_rate(number.column) for number in numbers]
    paper = list(dict.fromkeys(label for label, _ in theirs))
    ours = sorted(datasets, key=lambda label: paper.index(label) if label in paper else -1)
    return [
        _Place(
            label,
            rate,
            datasets.get(label),
            noises.get(rate),
            settings.measures.get(label, "accuracy"),
        )
        for label in dict.fromkeys([*ours, *paper])
        for rate in dict.fromkeys([*noises, *(rate for _, rate in theirs if rate)])
    ]


def _label_and_rate(column: str) -> tuple[str, str]:
    """Of a column of the paper; "" where it holds for every rate."""
    label, _, rate = column.rpartition(" ")
    return (label, rate) if label and rate.isdecimal() else (column, "")


def _ours(
    tables: StudyTables, summary: _Summary, places: list[_Place], model: str, label: str, row: Row
) -> dict[str, Any]:
    from annobench.reporting.formats import percent

    name = row.model or model
    found = {place: summary.get(_key(place, name, row.method)) for place in places}
    means = {place: mean for place, mean in found.items() if mean is not None}
    seeds = dict.fromkeys(f"{mean['seeds']} of {mean['seeds_planned']}" for mean in means.values())
    items = dict.fromkeys(f"{place.label} {mean['items']:,}" for place, mean in means.items())
    cells = {
        str(place): percent(
            mean if name == model else mean | {"rank": None},  # a rank is among the same model's
            tables.missing(mean["dataset"], name, mean["noise"], row.method),
        )
        for place, mean in means.items()
    }
    return {
        "method": label,
        "model": name,
        "seeds": ", ".join(sorted(seeds)) or None,
        "items": "; ".join(items) or None,
    } | cells


def _key(place: _Place, model: str, method: str) -> tuple[Any, ...]:
    """Of a row of SUMMARY."""
    return place.metric, place.dataset, model, place.noise, method


def _pairs(tables: StudyTables, place: _Place, model: str) -> pd.DataFrame:
    """The rows of COMPARISONS of a model in a column."""
    from annobench.reporting.study_tables import select

    found = select(tables.comparisons, metric=place.metric, model=model)
    return found[(found["dataset"] == place.dataset) & (found["noise"] == place.noise)]


def _theirs(places: list[_Place], numbers: list[Published], row: str) -> dict[str, Any]:
    from annobench.reporting import published

    found = {place: _published(place, numbers, row) for place in places}
    note = published.notes([number for number in numbers if number.row == row])
    cells = {f"paper: {place}": published.cell(numbers) for place, numbers in found.items()}
    return cells | {"the paper's note": note}


def _published(place: _Place, numbers: list[Published], row: str) -> list[Published]:
    return [n for n in numbers if n.row == row and n.column in (str(place), place.label)]


def _our_gains(
    tables: StudyTables, summary: _Summary, places: list[_Place], model: str, of: Row, other: Row
) -> dict[str, Any]:
    from annobench.reporting.formats import relative
    from annobench.reporting.study_tables import difference

    name = of.model or model
    cells: dict[str, Estimate] = {}
    seeds: dict[str, None] = {}
    for place in places:
        mine = summary.get(_key(place, name, of.method))
        base = summary.get(_key(place, name, other.method))
        pair = difference(_pairs(tables, place, name), of.method, other.method)
        if mine is None or base is None:
            continue
        cells[str(place)] = relative(pair, base["mean"])
        if pair is not None and base["mean"] > 0:
            planned = max(mine["seeds_planned"], base["seeds_planned"])
            seeds[f"{pair['seeds']} of {planned}"] = None
    return {"seeds": ", ".join(sorted(seeds)) or None} | cells


def _their_gains(
    places: list[_Place], numbers: list[Published], of: str, other: str
) -> dict[str, Any]:
    gains: dict[str, Any] = {}
    for place in places:
        pair = [_published(place, numbers, row) for row in (of, other)]
        if all(len(found) == 1 for found in pair):
            mine, theirs = (float(found[0].value) for found in pair)
            gain = f"{100 * (mine / theirs - 1):.1f}".replace("-", "\N{MINUS SIGN}")
            gains[f"paper: {place}"] = f"paper: {gain} (D)"
    return gains | {"the paper's note": "derived from the rows above" if gains else None}
