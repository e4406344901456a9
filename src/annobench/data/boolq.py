"""BoolQ: yes/no questions about a passage of Wikipedia (Clark et al. 2019, arXiv 1905.10044).

The labels of its test split are not on the Hub, so its validation split is our test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "google/boolq",
    config="default",
    revision="35b264d03638db9f4ce671b711558bf7ff0f80d5",
    splits={"train": "train", "test": "validation"},
    stated={"train": 9427, "validation": 3270},
)


class Settings(hub.Settings):
    pass


def size(settings: Settings) -> dict[str, int]:
    return hub.size(settings, REPOSITORY)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task; see `hub.items`."""
    return hub.items(name, settings, hub_root, REPOSITORY, _question)


def _question(row: hub.Row) -> hub.Question:
    question = row.text("question").removesuffix("?")
    return hub.Question(
        item=row.name,
        task="boolq",
        prompt=f"{question}?\nContext: {row.text('passage')}",
        options=["yes", "no"],
        gold=row.choice("answer", [True, False]),
    )
