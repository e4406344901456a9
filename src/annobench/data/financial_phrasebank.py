"""Financial PhraseBank: sentiment of financial news (Malo et al. 2014, arXiv 1307.5336).

The sentences on which all annotators agreed. The Hub has one split. Its own branch holds only a
loading script; the revision is a commit with parquet files that public code uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "takala/financial_phrasebank",
    config="sentences_allagree",
    revision="0dd3028d70cbd18ded8887e65e83343b03a50482",
    optional=frozenset({"validation", "test"}),
    stated={"train": 2264},
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
        task="financial-phrasebank",
        prompt=f"What is the sentiment of this news for an investor?\nNews: {row.text('sentence')}",
        options=["negative", "neutral", "positive"],
        gold=row.choice("label", [0, 1, 2]),
    )
