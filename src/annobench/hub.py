"""Data sets of the Hugging Face Hub: where they lie, their rows, and how their splits become ours.

Each is loaded with the `datasets` library, from the Hub or from a local mirror in the Hub's layout.
The order of a split's questions, one a row unless a data set says otherwise, is drawn once, from
the stream ("data", name, config, split), and what a study uses are the first ones of that order: so
200 training items are among its 400.

A split that a data set does not publish, or not with its labels, is carved from train if any of it
is asked for, see `carving`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import NonNegativeInt

from annobench.carving import carve, counts
from annobench.errors import AnnobenchError, one_line
from annobench.rows import Row as Row
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from datasets import DatasetDict, IterableDatasetDict

SPLITS = ("train", "validation", "test")
JOIN = "+"
"""Between the data set's own splits of which one of ours is made."""
COMMIT = re.compile(r"[0-9a-f]{40}")


class Settings(Base):
    """How much of each split a data set of the Hub uses."""

    train: NonNegativeInt | None = None
    """Training items; all if absent."""
    validation: NonNegativeInt | None = 0
    """Validation items; if null all, or a tenth of train where none is published."""
    test: NonNegativeInt | None = None
    """Test items; if absent all, or half of train where none is published."""


@dataclass(frozen=True)
class Repository:
    """Where a data set lies, and which of its splits are ours."""

    name: str
    config: str
    revision: str
    splits: Mapping[str, str] = field(
        default_factory=lambda: dict(zip(SPLITS, SPLITS, strict=True))
    )
    """Our split -> the data set's own; one that is not listed is carved from train.

    Several that are joined, such as `train+validation`, need not all be there."""
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
    """One item: `gold` indexes `options`; without options `answers` are the accepted texts. Of a
    pair of responses, `sources` are the models that wrote them and `scores` say how good they are.
    """

    item: str
    task: str
    prompt: str
    options: list[str]
    gold: int | None
    answers: list[str] | None = None
    sources: list[str] | None = None
    scores: list[float] | None = None


Read: TypeAlias = Callable[[Iterable[Row]], Iterable[Question]]
"""The questions of a split, from its rows in their own order."""


def items(
    name: str,
    settings: Settings,
    hub_root: Path | None,
    repository: Repository,
    question: Callable[[Row], Question],
    tasks: Container[str] | None = None,
) -> pd.DataFrame:
    """The table `tables.ITEMS`, each row a question; see `items_of`."""
    return items_of(name, settings, hub_root, repository, partial(map, question), tasks)


def items_of(
    name: str,
    settings: Settings,
    hub_root: Path | None,
    repository: Repository,
    read: Read,
    tasks: Container[str] | None = None,
) -> pd.DataFrame:
    """The table `tables.ITEMS` of the splits asked for, and of these tasks only if they are given.

    Raises:
        AnnobenchError: the data cannot be loaded, a split that is asked for is missing or has too
            few items, or a row does not fit.
    """
    from annobench.tables import ITEMS, frame

    where = f"data set {name!r}: {repository.place(hub_root)}"
    found = load(repository, hub_root, where)
    rows = []
    for split, drawn in _drawn(name, settings, repository, found, read, tasks, where).items():
        held = [each for each in drawn if tasks is None or each.task in tasks]
        size = getattr(settings, split)
        if size is not None and size > len(held):
            raise AnnobenchError(
                f"{where}: found {size} {split} items asked for; allowed: at most {len(held)}"
            )
        rows += [vars(each) | {"split": split} for each in held[:size]]
    return frame(rows, ITEMS)


def size(settings: Settings, repository: Repository) -> dict[str, int]:
    """How many items of each split `items` will return, if the Hub holds what is stated."""
    asked = {split: getattr(settings, split) for split in SPLITS}
    held = {
        split: sum(repository.stated.get(own, 0) for own in owns.split(JOIN))
        for split, owns in repository.splits.items()
    }
    carved = {
        split: size
        for split, size in asked.items()
        if size != 0 and repository.carves(split, repository.stated)
    }
    held |= counts(held["train"], carved)
    return {s: held.get(s, 0) if asked[s] is None else asked[s] for s in SPLITS}


def rows(name: str, hub_root: Path | None, repository: Repository) -> Iterator[Row]:
    """Those of all the data set's own splits of which train is made, in their own order.

    Raises:
        AnnobenchError: the data cannot be loaded, or a split is missing.
    """
    where = f"data set {name!r}: {repository.place(hub_root)}"
    found = load(repository, hub_root, where)
    for own in repository.splits["train"].split(JOIN):
        if own not in found:
            raise AnnobenchError(f"{where}: split {own!r} is missing; found: {', '.join(found)}")
        yield from rows_of(found[own], own, where)


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
    from datasets.exceptions import DatasetGenerationError

    try:
        yield
    except (AnnobenchError, MemoryError):
        raise
    except Exception as error:  # the Hub's errors come from an HTTP library of its own choice
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
    read: Read,
    tasks: Container[str] | None,
    where: str,
) -> dict[str, list[Question]]:
    """The questions of each split that is asked for, in the order in which they are drawn."""
    from annobench.seeds import generator

    def questions(split: str, wanted: str) -> list[Question]:
        joined = repository.splits[split]
        official = [own for own in joined.split(JOIN) if own in found]
        if not official:
            raise AnnobenchError(
                f"{where}: split {joined!r}, from which {wanted} is taken, is missing;"
                f" found: {', '.join(found)}; allowed without it: `{wanted}: 0`"
            )
        rows = chain.from_iterable(rows_of(found[own], own, where) for own in official)
        held = list(read(rows))
        order = generator("data", name, repository.config, joined).permutation(len(held))
        return [held[n] for n in order.tolist()]

    asked = {split: getattr(settings, split) for split in SPLITS}
    asked = {split: size for split, size in asked.items() if size != 0}
    carved = {split: size for split, size in asked.items() if repository.carves(split, found)}
    drawn = {split: questions(split, split) for split in asked if split not in carved}
    if carved:
        train = drawn.get("train") or questions("train", next(iter(carved)))
        drawn |= carve(train, carved, tasks)
    return {split: drawn[split] for split in asked}


def rows_of(values: Iterable[Mapping[str, Any]], split: str, where: str) -> Iterator[Row]:
    """Of one of the data set's own splits."""
    here = f"{where}: split {split!r}"
    with _loading(here):
        for n, each in enumerate(values):
            yield Row(each, f"{split}-{n}", f"{here}: row {n}")
