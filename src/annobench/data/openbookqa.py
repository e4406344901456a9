"""OpenBookQA: science questions of primary school (Mihaylov et al. 2018, arXiv 1809.02789).

Four options. The open book, the facts of the config `additional`, is not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "allenai/openbookqa",
    config="main",
    revision="388097ea7776314e93a529163e0fea805b8a6454",
    stated={"train": 4957, "validation": 500, "test": 500},
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
        item=row.text("id"),
        task="openbookqa",
        prompt=row.text("question_stem"),
        options=row.texts("choices.text"),
        gold=row.choice("answerKey", row.texts("choices.label")),
    )
