"""Data sets of the Hugging Face Hub: where they lie, their rows, and how their splits become ours.

Each is loaded with the `datasets` library, from the Hub or from a local mirror in the Hub's layout.
The order of a split's rows is drawn once, from the stream ("data", name, config, split), and what
a study uses are the first rows of that order: so 200 training items are among its 400.

A split that a data set does not publish, or not with its labels, is carved from train if any of it
is asked for: half of train for test, then a tenth of the rest for validation. Carved items come
from the end of the order and are no longer training items, so the first ones stay as they were. A
question that a carved train split holds twice is used once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from pydantic import NonNegativeInt

from annobench.errors import AnnobenchError, one_line
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from datasets import DatasetDict, IterableDatasetDict

SPLITS = ("train", "validation", "test")
SHARES = {"test": 2, "validation": 10}
"""A carved split is one half, or one tenth, of what train then holds."""
COMMIT = re.compile(r"[0-9a-f]{40}")


class Settings(Base):
    """How much of each split a data set of the Hub uses."""

    train: NonNegativeInt | None = None
    """Training items; all if absent."""
    validation: NonNegativeInt | None = 0
    """Validation items; all if null."""
    test: NonNegativeInt | None = None
    """Test items; all if absent."""


@dataclass(frozen=True)
class Repository:
    """Where a data set lies, and which of its splits are ours."""

    name: str
    config: str
    revision: str
    splits: Mapping[str, str] = field(
        default_factory=lambda: dict(zip(SPLITS, SPLITS, strict=True))
    )
    """Our split -> the data set's own; one that is not listed is carved from train."""
    optional: frozenset[str] = frozenset({"validation"})
    """Splits of ours that are carved from train, too, where their own is not there."""
    hub_config: str | None = None
    """The config's name on the Hub, where the mirror has another."""
    stated: Mapping[str, int] = field(default_factory=dict)
    """Rows of the data set's own splits, as its card or authors state; to plan with."""

    def folder(self, hub_root: Path) -> Path:
        return hub_root / "datasets" / self.name

    def place(self, hub_root: Path | None) -> str:
        if hub_root is None:
            return f"{self.name}@{self.revision}"
        return f"{self.folder(hub_root)}, config {self.config!r}"

    def carves(self, split: str, found: Container[str]) -> bool:
        """Whether a split of ours is carved from train, given the splits that are there."""
        own = self.splits.get(split)
        return own is None or (own not in found and split in self.optional)


@dataclass(frozen=True)
class Question:
    """One item: `gold` indexes `options`."""

    item: str
    task: str
    prompt: str
    options: list[str]
    gold: int


@dataclass(frozen=True)
class Row:
    """One row of a split, read column by column; `choices.text` is a column within a column.

    Every reader raises AnnobenchError where the column is missing or holds something else.
    """

    values: Mapping[str, Any]
    name: str
    """`<split>-<row number>`, for data sets without ids of their own."""
    where: str

    def text(self, column: str) -> str:
        value = self._value(column)
        if not isinstance(value, str):
            raise self._unfit(column, value, "a text")
        return value.strip()

    def texts(self, column: str, null: str | None = None) -> list[str]:
        """A list of texts; `null` is what an empty place stands for, if that is allowed."""
        value = self._value(column)
        if isinstance(value, list):
            texts = [null if part is None else part for part in value]
            if all(isinstance(part, str) for part in texts):
                return [str(part).strip() for part in texts]
        raise self._unfit(column, value, "a list of texts")

    def number(self, column: str) -> int:
        value = self._value(column)
        if type(value) is not int:
            raise self._unfit(column, value, "a whole number")
        return value

    def choice(self, column: str, keys: Sequence[str | int]) -> int:
        """The place of the column's value among the keys."""
        value = self._value(column)
        for place, key in enumerate(keys):
            if type(key) is type(value) and key == value:
                return place
        raise self._unfit(column, value, f"one of {', '.join(map(repr, keys))}")

    def _value(self, column: str) -> Any:
        value: Any = self.values
        for part in column.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise AnnobenchError(
                    f"{self.where}: column {column!r} is missing; found: {', '.join(self.values)}"
                )
            value = value[part]
        return value

    def _unfit(self, column: str, found: object, allowed: str) -> AnnobenchError:
        shown = shorten(repr(found), 60)
        return AnnobenchError(f"{self.where}: column {column!r}: found {shown}; allowed: {allowed}")


def items(
    name: str,
    settings: Settings,
    hub_root: Path | None,
    repository: Repository,
    question: Callable[[Row], Question],
    tasks: Container[str] | None = None,
) -> pd.DataFrame:
    """The table `tables.ITEMS` of the splits asked for, and of these tasks only if they are given.

    Raises:
        AnnobenchError: the data cannot be loaded, a split that is asked for is missing or has too
            few items, or a row does not fit.
    """
    import pandas as pd

    from annobench.tables import ITEMS

    where = f"data set {name!r}: {repository.place(hub_root)}"
    found = load(repository, hub_root, where)
    rows = []
    for split, drawn in _drawn(name, settings, repository, found, question, where).items():
        held = [each for each in drawn if tasks is None or each.task in tasks]
        size = getattr(settings, split)
        if size is not None and size > len(held):
            raise AnnobenchError(
                f"{where}: found {size} {split} items asked for; allowed: at most {len(held)}"
            )
        rows += [vars(each) | {"split": split, "distribution": None} for each in held[:size]]
    return pd.DataFrame(rows, columns=ITEMS.names)


def size(settings: Settings, repository: Repository) -> dict[str, int]:
    """How many items of each split `items` will return, if the Hub holds what is stated."""
    asked = {split: getattr(settings, split) for split in SPLITS}
    held = {split: repository.stated.get(own, 0) for split, own in repository.splits.items()}
    rest = held["train"]
    for split, share in SHARES.items():
        if asked[split] != 0 and repository.carves(split, repository.stated):
            held[split] = rest // share
            rest -= held[split]
    held["train"] = rest
    return {s: held.get(s, 0) if asked[s] is None else asked[s] for s in SPLITS}


def load(
    repository: Repository, hub_root: Path | None, where: str
) -> DatasetDict | IterableDatasetDict:
    """Every split that the Hub, or the mirror, holds.

    A mirror's files are read where they lie: the cache of `datasets` does not notice when a file
    with a config changes, or that another mirror holds a data set of the same name.

    Raises:
        AnnobenchError: there is no such folder or config, or the Hub cannot be reached and the
            pinned revision is not in the cache.
    """
    from datasets import load_dataset_builder

    if hub_root is not None:
        folder = repository.folder(hub_root)
        if not folder.is_dir():
            raise AnnobenchError(f"{where}: found no such folder; allowed: a mirror of the Hub")
        with _loading(where):
            return load_dataset_builder(str(folder), repository.config).as_streaming_dataset()
    with _loading(where):
        config = repository.hub_config or repository.config
        builder = load_dataset_builder(repository.name, config, revision=repository.revision)
        _refuse_another_revision(builder.hash, repository.revision, where)
        builder.download_and_prepare()
        return builder.as_dataset()


@contextmanager
def _loading(where: str) -> Iterator[None]:
    """What `datasets` raises becomes one sentence."""
    import yaml
    from datasets.exceptions import DatasetGenerationError, DatasetsError

    try:
        yield
    except (OSError, ValueError, RuntimeError, DatasetsError, yaml.YAMLError) as error:
        reason = error.__cause__ if isinstance(error, DatasetGenerationError) else error
        raise AnnobenchError(f"{where}: cannot be loaded: {one_line(reason)}") from error


def _refuse_another_revision(loaded: str, pinned: str, where: str) -> None:
    """Without a network, `datasets` takes the revision that was cached last, whatever it is."""
    if COMMIT.fullmatch(pinned) and loaded != pinned:
        raise AnnobenchError(
            f"{where}: the Hub cannot be reached; found revision {loaded} in the cache;"
            f" allowed: {pinned}"
        )


def _drawn(
    name: str,
    settings: Settings,
    repository: Repository,
    found: DatasetDict | IterableDatasetDict,
    question: Callable[[Row], Question],
    where: str,
) -> dict[str, list[Question]]:
    """The questions of each split that is asked for, in the order in which they are drawn."""
    from annobench.seeds import generator

    def questions(official: str, wanted: str) -> list[Question]:
        if official not in found:
            raise AnnobenchError(
                f"{where}: split {official!r}, from which {wanted} is taken, is missing;"
                f" found: {', '.join(found)}; allowed without it: `{wanted}: 0`"
            )
        with _loading(f"{where}: split {official!r}"):
            values = list(found[official])
        order = generator("data", name, repository.config, official).permutation(len(values))
        return [
            question(Row(values[n], f"{official}-{n}", f"{where}: split {official!r}: row {n}"))
            for n in order.tolist()
        ]

    asked = [split for split in SPLITS if getattr(settings, split) != 0]
    carved = [split for split in SHARES if split in asked and repository.carves(split, found)]
    drawn = {s: questions(repository.splits[s], s) for s in asked if s not in carved}
    if carved:
        rest = _distinct(drawn.get("train") or questions(repository.splits["train"], carved[0]))
        for split in carved:
            left = len(rest) - len(rest) // SHARES[split]
            rest, drawn[split] = rest[:left], rest[left:]
        drawn["train"] = rest
    return {split: drawn[split] for split in asked}


def _distinct(questions: list[Question]) -> list[Question]:
    """The first of those that ask the same, so that none is in two carved splits."""
    first: dict[object, Question] = {}
    for question in questions:
        first.setdefault((question.prompt, *question.options), question)
    return list(first.values())
