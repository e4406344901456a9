"""ARC, the AI2 Reasoning Challenge: science exams of schools (Clark et al. 2018, arXiv 1803.05457).

Four options, three or five in a few questions; they are lettered A to E or numbered 1 to 5.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NAME, REVISION = "allenai/ai2_arc", "210d026faf9955653af8916fad021475a3f00453"
PARTS = {
    "challenge": hub.Repository(
        NAME,
        "ARC-Challenge",
        REVISION,
        stated={"train": 1119, "validation": 299, "test": 1172},
    ),
    "easy": hub.Repository(
        NAME, "ARC-Easy", REVISION, stated={"train": 2251, "validation": 570, "test": 2376}
    ),
}
POOL = {"train": hub.JOIN.join(hub.SPLITS)}


class Settings(hub.Settings):
    part: Literal["challenge", "easy", "both"] = "challenge"
    """Which part; `both` takes `train`, `validation` and `test` items of each."""
    pooled: bool = False
    """Carve all splits from the published ones together, of those that are there; otherwise they
    are the published ones."""


def size(settings: Settings) -> dict[str, int]:
    """How many items of each split, over the parts."""
    sizes = [hub.size(settings, repository) for repository in _parts(settings).values()]
    return {split: sum(found[split] for found in sizes) for split in sizes[0]}


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`; the tasks are arc-challenge and arc-easy; see `hub.items`."""
    import pandas as pd

    found = [
        hub.items(name, settings, hub_root, repository, partial(_question, part))
        for part, repository in _parts(settings).items()
    ]
    return pd.concat(found, ignore_index=True)


def _question(part: str, row: hub.Row) -> hub.Question:
    return hub.Question(
        item=row.text("id"),
        task=f"arc-{part}",
        prompt=row.text("question"),
        options=row.texts("choices.text"),
        gold=row.choice("answerKey", row.texts("choices.label")),
    )


def _parts(settings: Settings) -> dict[str, hub.Repository]:
    parts = PARTS if settings.part == "both" else {settings.part: PARTS[settings.part]}
    return {
        part: replace(repository, splits=POOL) if settings.pooled else repository
        for part, repository in parts.items()
    }
