"""A paper's numbers, as a CSV file of `studies/published` holds them."""

import csv
from dataclasses import dataclass, fields
from pathlib import Path

from annobench.errors import AnnobenchError
from annobench.registry import unknown

NO_NUMBER = "no published number"


@dataclass(frozen=True)
class Published:
    """One number of a paper."""

    table: str
    row: str
    column: str
    value: str
    """As it was published: its digits are kept."""
    unit: str
    note: str
    source: str
    certainty: str
    """P: the paper states it; S: a third party's summary does; D: derived from these."""


def cell(numbers: list[Published]) -> str | None:
    """What a paper has in one cell, as text: it enters no mean. None if it has nothing."""
    values = " and ".join(number.value for number in numbers)
    marks = ", ".join(dict.fromkeys(number.certainty for number in numbers))
    return f"paper: {values} ({marks})" if numbers else None


def notes(numbers: list[Published]) -> str | None:
    """What there is to know of these numbers, and where they are from; None of none."""
    parts = dict.fromkeys(part for n in numbers for part in (n.note, n.source) if part)
    return "; ".join(parts) or None


def columns(numbers: list[Published], row: str | None) -> dict[str, str | None]:
    """The cells of one row of a paper's table, by heading, and what there is to know of them."""
    here = [number for number in numbers if number.row == row]
    cells: dict[str, str | None] = {}
    for column, unit in dict.fromkeys((number.column, number.unit) for number in numbers):
        found = [n for n in here if (n.column, n.unit) == (column, unit)]
        cells[f"paper: {column}, {unit}"] = cell(found) if here else NO_NUMBER
    return cells | {"the paper's note": notes(here)}


def read(path: Path, table: str) -> list[Published]:
    """One table's numbers, in the order of the file.

    Raises:
        AnnobenchError: the file cannot be read, has other columns, holds something that is not a
            number, or has no such table.
    """
    columns = [field.name for field in fields(Published)]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames != columns:
                found = ", ".join(reader.fieldnames or [])
                raise AnnobenchError(
                    f"{path}: found columns {found or 'none'}; allowed: {', '.join(columns)}"
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnnobenchError(f"{path}: cannot be read as CSV: {error}") from error
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise AnnobenchError(f"{path}: row {number}: allowed: {len(columns)} columns")
        try:
            float(row["value"])
        except ValueError as error:
            raise AnnobenchError(
                f"{path}: row {number}: value: found {row['value']!r}; allowed: a number"
            ) from error
    numbers = [Published(**row) for row in rows]
    tables = list(dict.fromkeys(number.table for number in numbers))
    if table not in tables:
        raise AnnobenchError(unknown(f"{path}: table", table, tables))
    return [number for number in numbers if number.table == table]
