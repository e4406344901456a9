"""Tables that people write themselves: CSV, JSON lines and Parquet files.

Every cell is text or a list of texts and never a guessed number, date or null: "007" stays "007"
and "NA" stays "NA". A number in JSON lines or Parquet becomes the text that JSON writes for it.
"""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annobench.errors import AnnobenchError, one_line, shown

LISTED = 20
"""How many bad rows an error lists."""
MOST_BYTES = 2**31
"""Of a Parquet file's data in memory."""
_ROWS_AT_ONCE = 256

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Check = tuple[Bools, Callable[[int], str]]
"""Which rows are bad, [rows], and what is wrong with the row at a position."""


@dataclass(frozen=True)
class OwnTable:
    """A user's table; an empty cell is null."""

    path: Path
    frame: pd.DataFrame
    """Rows by position; columns of text, or of lists of texts."""
    lines: Sequence[int]
    """Where each row begins in the file: its line, or its number in a Parquet file."""
    broken: dict[int, str]
    """What is wrong with rows that could not be read, by position; all their cells are null."""

    def refuse(self, checks: Iterable[Check]) -> None:
        """Refuse the table if it has a bad row, with the first thing that is wrong with each.

        Raises:
            AnnobenchError: lists at most `LISTED` bad rows with their lines, and their number.
        """
        unread = np.zeros(len(self.frame), dtype=bool)
        unread[list(self.broken)] = True
        listed: list[Check] = [(unread, lambda row: self.broken[row]), *checks]
        bad = np.flatnonzero(np.logical_or.reduce([mask for mask, _ in listed]))
        if not len(bad):
            return
        word = "row" if self.path.suffix == ".parquet" else "line"
        reasons = [
            f"  {word} {self.lines[row]}: {next(say(row) for mask, say in listed if mask[row])}"
            for row in bad[:LISTED].tolist()
        ]
        more = [f"  and {len(bad) - LISTED} more"] if len(bad) > LISTED else []
        head = f"{self.path}: found {len(bad)} bad of {len(self.frame)} rows; allowed: none"
        raise AnnobenchError("\n".join([head, *reasons, *more]))

    def empty(self, column: str) -> Check:
        """Rows whose text is missing or blank."""
        texts = self.frame[column]
        blank = (texts.isna() | (texts.str.strip() == "").fillna(False)).to_numpy(bool)
        return blank, lambda row: f"empty {column}"


def read(path: Path, required: Sequence[str], lists: Sequence[str] = ()) -> OwnTable:
    """Read a table by its suffix: .csv, .jsonl or .ndjson, .parquet.

    Columns other than `lists` are text; a list in them is the text that JSON writes for it.

    Raises:
        AnnobenchError: the file is missing, empty, of another format or encoding, or lacks one of
            the required columns.
    """
    readers = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
    if path.suffix not in readers:
        raise AnnobenchError(
            f"{path}: found suffix {path.suffix!r}; allowed: {', '.join(sorted(readers))}"
        )
    try:
        table = readers[path.suffix](path)
    except UnicodeDecodeError as error:
        found = error.object[error.start]
        raise AnnobenchError(f"{path}: found byte 0x{found:02x}; allowed: UTF-8 text") from error
    except OSError as error:
        raise AnnobenchError(f"{path}: cannot be read: {error.strerror or error}") from error
    if table.frame.empty:
        raise AnnobenchError(f"{path}: found no rows; allowed: one or more")
    for column in required:
        if column not in table.frame:
            names = ", ".join(quoted(str(name)) for name in table.frame.columns[:LISTED])
            raise AnnobenchError(f"{path}: column {column!r} is missing; found: {names}")
    for name in table.frame.columns.difference(list(lists)):
        if table.frame[name].dtype == object:
            texts = [_text(value) for value in table.frame[name]]
            table.frame[name] = pd.Series(texts, dtype="str")
    return table


def _csv(path: Path) -> OwnTable:
    """RFC 4180: commas, double quotes, line breaks within quotes. The first line names columns."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = next(reader, [])
            starts, rows = [], []
            begin = reader.line_num + 1
            for cells in reader:
                if cells:
                    starts.append(begin)
                    rows.append(tuple(cells))  # which, unlike lists, the collector soon skips
                begin = reader.line_num + 1
        except csv.Error as error:
            reason = one_line(error)
            raise AnnobenchError(
                f"{path}: line {reader.line_num}: {reason}; allowed: CSV"
            ) from error
    _refuse_twice(path, names)
    broken = {
        row: f"found {len(cells)} cells; allowed: {len(names)}"
        for row, cells in enumerate(rows)
        if len(cells) != len(names)
    }
    for row in broken:
        rows[row] = ("",) * len(names)
    columns = {
        name: _texts([cells[place] or None for cells in rows]) for place, name in enumerate(names)
    }
    return OwnTable(path, pd.DataFrame(columns), starts, broken)


def _json_lines(path: Path) -> OwnTable:
    rows: list[dict[str, Any]] = []
    starts: list[int] = []
    broken: dict[int, str] = {}
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
                json.dumps(found, ensure_ascii=False).encode()  # refuses half characters
                if not isinstance(found, dict):
                    raise ValueError("no object")
            except (ValueError, RecursionError) as error:
                broken[len(rows)] = f"cannot be read as a JSON object: {one_line(error)}"
                found = {}
            starts.append(number)
            rows.append({name: _plain(value) for name, value in found.items()})
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _texts([row.get(name) for row in rows]) for name in names}
    return OwnTable(path, pd.DataFrame(columns, index=range(len(rows))), starts, broken)


def _parquet(path: Path) -> OwnTable:
    import pyarrow.parquet as pq

    held = 0
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        _refuse_twice(path, names)
        columns: dict[str, list[Any]] = {name: [] for name in names}
        for batch in file.iter_batches(_ROWS_AT_ONCE):  # a small file may hold very much
            held += batch.nbytes
            if held > MOST_BYTES:
                raise AnnobenchError(
                    f"{path}: found more than {MOST_BYTES:,} bytes of data; allowed: less"
                )
            for name in names:
                columns[name] += map(_plain, batch.column(name).to_pylist())
    except (AnnobenchError, OSError, UnicodeDecodeError):
        raise
    except Exception as error:  # pyarrow's own, and what Python makes of a date or a number
        raise AnnobenchError(f"{path}: cannot be read as parquet: {one_line(error)}") from error
    frame = pd.DataFrame({name: _texts(values) for name, values in columns.items()})
    return OwnTable(path, frame, range(1, len(frame) + 1), {})


def _refuse_twice(path: Path, names: Sequence[str]) -> None:
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise AnnobenchError(f"{path}: column {shown(twice[0])} found twice; allowed: once")


def _plain(value: Any) -> Any:
    """A JSON value as text, a list as a list of texts; null and "" are null."""
    if isinstance(value, list):
        return ["" if part is None else str(_plain(part) or "") for part in value]
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False, default=str)


def _text(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _texts(values: list[Any]) -> pd.Series:
    plain = not any(isinstance(value, list) for value in values)
    return pd.Series(values, dtype="str" if plain else object)


def quoted(text: object) -> str:
    """A text of a bad row, cut where it is long."""
    return shown(text, 80)


def positions(
    labels: pd.Series, labels_are: str, rows: Ints, options: Sequence[Sequence[str]]
) -> Ints:
    """Which of its item's options each label names, [labels]; -1 where it names none.

    `rows` [labels] says which of the items each label is for, -1 for none of them. `labels_are` is
    `text` (the option's own), `letter` (A is the first) or `position` (0 is the first).
    """
    counts = np.array([*map(len, options), 0])  # the last for no item
    if labels_are != "text":
        names = [*ascii_uppercase] if labels_are == "letter" else [*map(str, range(counts.max()))]
        place = pd.Index(names, dtype="str").get_indexer(pd.Index(labels))
        return np.where((place >= 0) & (place < counts[rows]), place, -1)
    owner = np.repeat(np.arange(len(options)), counts[:-1])
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts)[:-1] - counts[:-1], counts[:-1])
    texts = np.array([text for own in options for text in own], dtype=object)
    codes, different = pd.factorize(texts)
    known, first = np.unique(owner * (len(different) + 1) + codes, return_index=True)
    code = pd.Index(different).get_indexer(pd.Index(labels, dtype=object))
    wanted = rows * (len(different) + 1) + code
    at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    found = (rows >= 0) & (code >= 0)
    if len(known):
        found &= known[at] == wanted
    return np.where(found, place[first[at]] if len(first) else -1, -1)


def listed(options: Sequence[str]) -> str:
    """An item's options in an error."""
    return ", ".join(map(quoted, options))
