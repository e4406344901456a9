"""Your own annotations, from a CSV, JSON lines or Parquet file.

Columns: `item`, `annotator` and `label`, one row for each label that one annotator gave. Labels of
training items teach; those of other items are only for evaluation. Every seed has the same labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from annobench.settings import Settings as Base

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Settings(Base):
    path: str = Field(pattern=r"\.(csv|jsonl|ndjson|parquet)$")
    """The file, relative to the working folder: .csv, .jsonl, .ndjson or .parquet."""
    labels: Literal["text", "letter", "position"] = "text"
    """How the column `label` names an option: by its text, by its letter (A is the first) or by its
    position (0 is the first)."""
    anonymous: bool = False
    """Whether it is not known who gave which label; a column `annotator` is left alone then."""

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path,)


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
    """Read the annotations: `tables.ANNOTATIONS` of items of every split, and no truth.

    Raises:
        AnnobenchError: the file cannot be read, or has bad rows: an unknown item or option, a
            second label of an item by one annotator, an empty cell (see `OwnTable.refuse`).
    """
    import pandas as pd

    from annobench import own
    from annobench.tables import TRUTH, empty

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
    found = pd.DataFrame({"item": item, "label": place, "annotator": annotator})
    return found, empty(TRUTH)
