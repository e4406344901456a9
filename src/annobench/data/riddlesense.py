"""RiddleSense: riddles with five options (Lin et al. 2021, arXiv 2101.00376).

The labels of its test split are hidden, so its validation split is our test. The Hub's own branch
holds only a loading script; we know no commit of the Hub's conversion to parquet, so this names its
branch, and a study of it is not pinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "INK-USC/riddle_sense",
    config="default",
    revision="refs/convert/parquet",
    splits={"train": "train", "test": "validation"},
    stated={"train": 3510, "validation": 1021},
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
        task="riddlesense",
        prompt=row.text("question"),
        options=row.texts("choices.text"),
        gold=row.choice("answerKey", row.texts("choices.label")),
    )
