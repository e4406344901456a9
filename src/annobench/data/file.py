"""Your own items, from a CSV, JSON lines or Parquet file.

Columns: `item` (its name), `prompt`, the options, and if you have them `gold`, `task` and `split`
(train, validation or test). The options are a column `options` with a list of texts (in CSV: a JSON
list such as ["yes", "no"]), or one column for each: `option_1`, `option_2` and so on, the last ones
empty where an item has fewer. Other columns are left alone.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from annobench.errors import AnnobenchError
from annobench.settings import Settings as Base
from annobench.settings import UserPath
from annobench.splits import Size, drawn

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from annobench.own import OwnTable

SPLITS = ("train", "validation", "test")


class Settings(Base):
    path: UserPath = Field(pattern=r"\.(csv|jsonl|ndjson|parquet)$")
    """The file, relative to the working folder: .csv, .jsonl, .ndjson or .parquet."""
    labels: Literal["text", "letter", "position"] = "text"
    """How the column `gold` names an option: by its text, by its letter (A is the first) or by its
    position (0 is the first)."""
    test: Size = None
    """Test items of a file without a column `split`, drawn at random: a share below 1, or a number
    of items; by default 0.2."""
    validation: Size = None
    """Validation items of a file without a column `split`, likewise; by default none."""

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path,)


def size(settings: Settings) -> None:
    """Not known before the file is read."""


def items(name: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """The table `tables.ITEMS`, in the order of the file; a missing task is the data set's name.

    Raises:
        AnnobenchError: the file cannot be read, has bad rows (all are found at once, see
            `OwnTable.refuse`), or leaves no training items.
    """
    import numpy as np
    import pandas as pd

    from annobench import own
    from annobench.tables import ITEMS

    table = own.read(Path(settings.path), ("item", "prompt"), lists=("options",))
    frame = table.frame
    nothing = pd.Series(None, index=frame.index, dtype="str")
    options = _options(table)
    mistakes = [_mistake(found) for found in options]
    usable = [[] if wrong else found for found, wrong in zip(options, mistakes, strict=True)]
    gold = frame.get("gold", nothing)
    place = own.positions(gold, settings.labels, np.arange(len(frame)), usable)
    split = frame.get("split", nothing)
    checks = [
        table.empty("item"),
        (frame["item"].duplicated().to_numpy(), lambda row: f"duplicate item {_item(frame, row)}"),
        table.empty("prompt"),
        (np.array(mistakes, dtype=bool), lambda row: mistakes[row]),
        (
            gold.notna().to_numpy() & (place < 0),
            lambda row: (
                f"unknown gold {own.quoted(gold[row])} of item {_item(frame, row)}; allowed: the "
                f"{settings.labels} of one of {own.listed(options[row])}"
            ),
        ),
    ]
    if "task" in frame:
        checks.append(table.empty("task"))
    if "split" in frame:
        unknown = ~split.isin(SPLITS).to_numpy()
        known = ", ".join(SPLITS)
        checks.append((unknown, lambda row: f"unknown split {split[row]!r}; allowed: {known}"))
    table.refuse(checks)
    splits = (
        split if "split" in frame else drawn(name, len(frame), settings.test, settings.validation)
    )
    _check_splits(table, splits, settings)
    columns = {
        "item": frame["item"],
        "task": frame.get("task", name),
        "split": splits,
        "prompt": frame["prompt"],
        "options": options,
        "gold": pd.Series(place, dtype="Int64").mask(place < 0),
    }
    return pd.DataFrame(dict.fromkeys(ITEMS.names) | columns)


def _item(frame: pd.DataFrame, row: int) -> str:
    from annobench.own import quoted

    return quoted(frame["item"][row])


def _options(table: OwnTable) -> list[list[str]]:
    """Each row's options; none where they cannot be read.

    Raises:
        AnnobenchError: the file has no options, or has them twice.
    """
    frame = table.frame
    numbered = sorted(
        (name for name in frame.columns if re.fullmatch(r"option_[1-9]\d*", name)),
        key=lambda name: int(name.removeprefix("option_")),
    )
    if ("options" in frame) == bool(numbered):
        both = "both" if numbered else "none"
        raise AnnobenchError(
            f"{table.path}: options: found {both}; allowed: a column options, or option_1 and on"
        )
    if not numbered:
        return [_listed(value) for value in frame["options"]]
    texts = frame[numbered].astype(object).where(frame[numbered].notna(), "")
    return [_without_end(list(row)) for row in texts.itertuples(index=False, name=None)]


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return [str(part) for part in value] if isinstance(value, list) else []


def _without_end(options: list[str]) -> list[str]:
    """Without the empty ones at the end."""
    while options and not options[-1].strip():
        options.pop()
    return options


def _mistake(options: list[str]) -> str:
    """What is wrong with an item's options; "" if nothing is."""
    from annobench.own import listed

    if len(options) < 2:
        return f"found {len(options)} options; allowed: a list of two or more"
    if not all(option.strip() for option in options):
        return f"empty option among {listed(options)}"
    if len(set(options)) < len(options):
        return f"equal options {listed(options)}; allowed: different ones"
    return ""


def _check_splits(table: OwnTable, splits: pd.Series | np.ndarray, settings: Settings) -> None:
    """
    Raises:
        AnnobenchError: there are no training items, or both the file and the study say which items
            are for testing.
    """
    if "split" in table.frame and (settings.test, settings.validation) != (None, None):
        raise AnnobenchError(
            f"{table.path}: column 'split': found beside the keys `test` or `validation`; "
            "allowed: the column or the keys"
        )
    if not (splits == "train").any():
        raise AnnobenchError(f"{table.path}: found no training items; allowed: one or more")
