"""Annotations that people gave: the data set's own, or yours from a CSV, JSONL or Parquet file.

Columns of a file: `item`, `annotator` and `label`, one row for each label that one annotator gave.
Without a file they are the labels that the data set's items come with; where it does not say who
gave them, they are anonymous, and which option they were shown first is known where it says so.
Labels of training items teach; those of other items are only for evaluation. Every seed has the
same labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from annobench.errors import AnnobenchError
from annobench.settings import Settings as Base
from annobench.settings import UserPath

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Settings(Base):
    path: UserPath | None = Field(None, pattern=r"\.(csv|jsonl|ndjson|parquet)$")
    """The file, relative to the working folder: .csv, .jsonl, .ndjson or .parquet; if absent, the
    labels are the data set's own."""
    labels: Literal["text", "letter", "position"] = "text"
    """How the file's column `label` names an option: by its text, by its letter (A is the first) or
    by its position (0 is the first)."""
    anonymous: bool = False
    """Whether it is not known who gave which label, or is to be withheld; a column `annotator` is
    left alone then."""

    @property
    def files(self) -> tuple[str, ...]:
        return () if self.path is None else (self.path,)


def has_annotator_ids(settings: Settings) -> bool:
    return not settings.anonymous


def has_truth(settings: Settings) -> bool:
    """Nobody knows what real annotators know."""
    return False


def judge(settings: Settings) -> None:
    """Needs no model."""


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The annotations: `tables.ANNOTATIONS` of items of every split, and no truth.

    Raises:
        AnnobenchError: no item comes with labels, or the file cannot be read or has bad rows: an
            unknown item or option, a second label of an item by one annotator, an empty cell (see
            `OwnTable.refuse`).
    """
    from annobench.tables import TRUTH, empty

    found = _of_items(items, settings) if settings.path is None else _of_file(items, settings)
    return found, empty(TRUTH)


def _of_items(items: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The labels that the items come with, each item's in its own order."""
    import pandas as pd

    given = items.reindex(columns=["item", "labels", "annotators", "firsts"])
    given = given[given["labels"].notna()]
    if not len(given):
        raise AnnobenchError(
            "noise of kind `observed` without `path`: found no labels with the data set's items;"
            " allowed: a data set with people's labels, or a file"
        )
    unknown = given["labels"].map(lambda labels: [None] * len(labels))
    named = given["annotators"].notna() & (not settings.anonymous)
    rows = pd.DataFrame(
        {
            "item": given["item"],
            "label": given["labels"].map(list),
            "annotator": given["annotators"].where(named, unknown).map(list),
            "first": given["firsts"].where(given["firsts"].notna(), unknown).map(list),
        }
    )
    rows = rows.explode(["label", "annotator", "first"], ignore_index=True)
    return rows.astype({"label": "int64", "first": "Int64"})


def _of_file(items: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    import pandas as pd

    from annobench import own

    assert settings.path is not None
    who = () if settings.anonymous else ("annotator",)
    table = own.read(Path(settings.path), ("item", *who, "label"))
    item, label = table.frame["item"], table.frame["label"]
    rows = pd.Index(items["item"]).get_indexer(pd.Index(item))
    options = items["options"].tolist()
    place = own.positions(label, settings.labels, rows, options)

    def unknown_option(row: int) -> str:
        return (
            f"unknown option {own.quoted(label[row])} of item {own.quoted(item[row])}; allowed: "
            f"the {settings.labels} of one of {own.listed(options[rows[row]])}"
        )

    checks = [
        *(table.empty(column) for column in ("item", *who, "label")),
        (rows < 0, lambda row: f"unknown item {own.quoted(item[row])}"),
        (place < 0, unknown_option),
    ]
    annotator = pd.Series(None, index=item.index, dtype="str")
    if not settings.anonymous:
        annotator = table.frame["annotator"]
        twice = pd.DataFrame({"row": rows, "annotator": pd.factorize(annotator)[0]}).duplicated()
        checks.append(
            (
                twice.to_numpy(),
                lambda row: (
                    f"duplicate: a second label of item {own.quoted(item[row])} by annotator "
                    f"{own.quoted(annotator[row])}"
                ),
            )
        )
    table.refuse(checks)
    return pd.DataFrame({"item": item, "label": place, "annotator": annotator})
