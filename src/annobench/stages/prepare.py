"""Prepare: a data set's items."""

from pathlib import Path

import pandas as pd

from annobench.errors import AnnobenchError
from annobench.registry import component
from annobench.settings import Settings


def prepare(name: str, kind: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """`tables.ITEMS` of the data set `name` of this kind.

    Raises:
        AnnobenchError: an item comes twice, or a gold label is none of its options.
    """
    items: pd.DataFrame = component("data", kind).items(name, settings, hub_root)
    twice = items["item"][items["item"].duplicated()]
    if len(twice):
        raise AnnobenchError(f"datasets.{name}: item {twice.iloc[0]!r} found twice; allowed: once")
    known = items[items["gold"].notna()]
    for item, gold, options in zip(known["item"], known["gold"], known["options"], strict=True):
        if not 0 <= gold < len(options):
            raise AnnobenchError(
                f"datasets.{name}: item {item!r}: gold {gold} found; "
                f"allowed: 0 to {len(options) - 1}"
            )
    return items
