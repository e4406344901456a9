"""PubMedQA: research questions answered by an abstract (Jin et al. 2019, arXiv 1909.06146).

The expert-labelled part; the abstract without its conclusion is shown. It has one split on the Hub.
Our test is half of it, as many as the authors' (500), but not the same half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "qiaojin/PubMedQA",
    config="pqa_labeled",
    revision="9001f2853fb87cab8d220904e0de81ac6973b318",
    splits={"train": "train"},
    stated={"train": 1000},
)
ANSWERS = ("yes", "no", "maybe")


class Settings(hub.Settings):
    context_words: int | None = Field(None, ge=1)
    """Words of the abstract to show, from its start; all if absent."""


def size(settings: Settings) -> dict[str, int]:
    return hub.size(settings, REPOSITORY)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task; see `hub.items`."""

    def question(row: hub.Row) -> hub.Question:
        words = " ".join(row.texts("context.contexts")).split()[: settings.context_words]
        return hub.Question(
            item=str(row.number("pubid")),
            task="pubmedqa",
            prompt=f"{row.text('question')}\nContext: {' '.join(words)}",
            options=list(ANSWERS),
            gold=row.choice("final_decision", ANSWERS),
        )

    return hub.items(name, settings, hub_root, REPOSITORY, question)
