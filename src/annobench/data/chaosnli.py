"""ChaosNLI: 100 people's labels of each of 3,113 pairs (Nie et al. 2020, arXiv 2010.03532).

Its SNLI and MNLI parts; those two are the tasks. Who gave which label is not published. It has no
splits: ours are shares of each entropy stratum, see `people`. Its authors give it out as an archive
of JSON lines; the Hub has no repository of theirs that we know of. This reads a copy in the Hub's
layout, which is not pinned, or the authors' own files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annobench import hub, people
from annobench.errors import AnnobenchError
from annobench.settings import UserPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

REPOSITORY = hub.Repository(
    "easonnie/ChaosNLI",
    config="chaosNLI_v1.0",
    revision="main",
    splits={"train": "snli+mnli_m"},
    stated={"snli": 1514, "mnli_m": 1599},
)
MOST_LABELS = 10_000
"""Of one item; published are 100."""
TASKS = {"snli": "snli", "mnli_m": "mnli"}
OPTIONS = ("entailment", "neutral", "contradiction")
QUESTION = (
    "Does the premise entail the hypothesis (entailment), contradict it (contradiction), or neither"
    " (neutral)?"
)


class Settings(people.Settings):
    folder: UserPath | None = None
    """Folder of the authors' files chaosNLI_snli.jsonl and chaosNLI_mnli_m.jsonl; if absent they
    come from the Hub or the mirror."""

    @property
    def files(self) -> tuple[str, ...]:
        return () if self.folder is None else tuple(map(str, _paths(self.folder).values()))


def size(settings: Settings) -> dict[str, int]:
    return people.size(settings, sum(REPOSITORY.stated.values()))


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS` with `labels` and `distribution`; see `people.items`."""
    if settings.folder is None:
        where = f"data set {name!r}: {REPOSITORY.place(hub_root)}"
        rows = hub.rows(name, hub_root, REPOSITORY)
    else:
        where = f"data set {name!r}: {settings.folder}"
        rows = _own_rows(settings.folder, where)
    return people.items(name, settings, where, people.share(name, map(_question, rows)))


def _question(row: hub.Row) -> people.Question:
    counts = row.numbers("label_count", len(OPTIONS))
    if min(counts) < 0 or not 0 < sum(counts) <= MOST_LABELS:
        raise row.unfit("label_count", counts, f"1 to {MOST_LABELS} labels")
    premise, hypothesis = row.text("example.premise"), row.text("example.hypothesis")
    return people.Question(
        item=row.text("uid"),
        task=TASKS[row.split],
        prompt=f"{QUESTION}\nPremise: {premise}\nHypothesis: {hypothesis}",
        options=list(OPTIONS),
        labels=[option for option, count in enumerate(counts) for _ in range(count)],
    )


def _paths(folder: str) -> dict[str, Path]:
    return {part: Path(folder) / f"chaosNLI_{part}.jsonl" for part in TASKS}


def _own_rows(folder: str, where: str) -> Iterator[hub.Row]:
    """Of the authors' files."""
    for part, path in _paths(folder).items():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            values: list[dict[str, Any]] = [json.loads(line) for line in lines]
            if not all(isinstance(value, dict) for value in values):
                raise ValueError("a line is no object")
        except (OSError, ValueError, RecursionError) as error:
            raise AnnobenchError(
                f"{where}: found no readable {path.name}: {error}; allowed: the authors' JSON lines"
            ) from error
        yield from hub.rows_of(values, part, where)
