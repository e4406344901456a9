"""Rows of other people's data, read column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from textwrap import shorten
from typing import Any

from annobench.errors import AnnobenchError


@dataclass(frozen=True)
class Row:
    """One row of a split, read column by column; `choices.text` is a column within a column.

    Every reader raises AnnobenchError where the column is missing or holds something else.
    """

    values: Mapping[str, Any]
    name: str
    """`<split>-<row number>`, for data sets without ids of their own."""
    where: str

    @property
    def split(self) -> str:
        """The data set's own."""
        return self.name.rpartition("-")[0]

    def text(self, column: str) -> str:
        value = self._value(column)
        if not isinstance(value, str):
            raise self.unfit(column, value, "a text")
        return value.strip()

    def texts(self, column: str, null: str | None = None) -> list[str]:
        """A list of texts; `null` is what an empty place stands for, if that is allowed."""
        value = self._value(column)
        if isinstance(value, list):
            texts = [null if part is None else part for part in value]
            if all(isinstance(part, str) for part in texts):
                return [str(part).strip() for part in texts]
        raise self.unfit(column, value, "a list of texts")

    def number(self, column: str) -> int:
        value = self._value(column)
        if type(value) is not int:
            raise self.unfit(column, value, "a whole number")
        return value

    def numbers(self, column: str, length: int) -> list[int]:
        value = self._value(column)
        if isinstance(value, list) and len(value) == length and {type(n) for n in value} == {int}:
            return value
        raise self.unfit(column, value, f"a list of {length} whole numbers")

    def real(self, column: str) -> float | None:
        """A number, or None where there is none."""
        value = self._value(column)
        if value is None:
            return None
        if type(value) in (int, float) and isfinite(value):
            return float(value)
        raise self.unfit(column, value, "a number")

    def parts(self, column: str) -> list[Row]:
        """The rows that a column is a list of."""
        value = self._value(column)
        if isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
            here = f"{self.where}: column {column!r}"
            return [Row(part, self.name, f"{here}: {n}") for n, part in enumerate(value)]
        raise self.unfit(column, value, "a list of rows")

    def choice(self, column: str, keys: Sequence[str | int]) -> int:
        """The place of the column's value among the keys."""
        value = self._value(column)
        for place, key in enumerate(keys):
            if type(key) is type(value) and key == value:
                return place
        raise self.unfit(column, value, f"one of {', '.join(map(repr, keys))}")

    def _value(self, column: str) -> Any:
        value: Any = self.values
        for part in column.split("."):
            if not isinstance(value, Mapping) or part not in value:
                found = ", ".join(map(str, self.values))
                raise AnnobenchError(f"{self.where}: column {column!r} is missing; found: {found}")
            value = value[part]
        return value

    def unfit(self, column: str, found: object, allowed: str) -> AnnobenchError:
        """What to raise about a column that holds something else."""
        shown = shorten(repr(found), 60)
        return AnnobenchError(f"{self.where}: column {column!r}: found {shown}; allowed: {allowed}")
