"""PIQA: which of two ways reaches a physical goal (Bisk et al. 2020, arXiv 1911.11641).

The labels of its test split are hidden, so its validation split is our test. The Hub's own branch
holds only a loading script; the revision is a commit of the Hub's conversion to parquet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "ybisk/piqa",
    config="plain_text",
    revision="142c51238b3ca2bc61e9a075913871b8b600e8e1",
    splits={"train": "train", "test": "validation"},
    hub_config="default",
    stated={"train": 16113, "validation": 1838},
)


class Settings(hub.Settings):
    pass


def size(settings: Settings) -> dict[str, int]:
    return hub.size(settings, REPOSITORY)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task; see `hub.items`."""
    return hub.items(name, settings, hub_root, REPOSITORY, _question)


def _question(row: hub.Row) -> hub.Question:
    return hub.Question(
        item=row.name,
        task="piqa",
        prompt=row.text("goal"),
        options=[row.text("sol1"), row.text("sol2")],
        gold=row.choice("label", [0, 1]),
    )
