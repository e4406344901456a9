"""Prepare: a data set's items."""

from pathlib import Path

import pandas as pd

from annobench.errors import AnnobenchError
from annobench.registry import component
from annobench.settings import Settings


def prepare(name: str, kind: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """`tables.ITEMS` of the data set `name` of this kind.

    Raises:
        AnnobenchError: whatever the kind or `refuse` raises.
    """
    items: pd.DataFrame = component("data", kind).items(name, settings, hub_root)
    refuse(name, items)
    return items


def refuse(name: str, items: pd.DataFrame) -> None:
    """Check a table `tables.ITEMS`.

    Raises:
        AnnobenchError: an item comes twice, a gold label is none of its options, only some items
            have options, or an item has neither options nor an accepted answer.
    """
    twice = items["item"][items["item"].duplicated()]
    if len(twice):
        raise AnnobenchError(f"datasets.{name}: item {twice.iloc[0]!r} found twice; allowed: once")
    free = items["options"].map(len) == 0
    if free.any() and not free.all():
        raise AnnobenchError(
            f"datasets.{name}: found no options of item {items['item'][free].iloc[0]!r}, but some "
            f"of {items['item'][~free].iloc[0]!r}; allowed: options of all items, or of none"
        )
    for item, answers in zip(items["item"][free], items["answers"][free], strict=True):
        if not isinstance(answers, list) or not answers or not all(map(str.strip, answers)):
            raise AnnobenchError(
                f"datasets.{name}: item {item!r}: found answers {answers}; "
                "allowed without options: at least one, none of them empty"
            )
    known = items[items["gold"].notna()]
    for item, gold, options in zip(known["item"], known["gold"], known["options"], strict=True):
        if not 0 <= gold < len(options):
            raise AnnobenchError(
                f"datasets.{name}: item {item!r}: gold {gold} found; "
                f"allowed: 0 to {len(options) - 1}"
            )
