"""ARC, the AI2 Reasoning Challenge: science exams of schools (Clark et al. 2018, arXiv 1803.05457).

Four options, three or five in a few questions; they are lettered A to E or numbered 1 to 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench import hub

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NAME, REVISION = "allenai/ai2_arc", "210d026faf9955653af8916fad021475a3f00453"
PARTS = {
    "challenge": hub.Repository(NAME, "ARC-Challenge", REVISION),
    "easy": hub.Repository(NAME, "ARC-Easy", REVISION),
}


class Settings(hub.Settings):
    part: Literal["challenge", "easy", "both"] = "challenge"
    """Which part; `both` takes `train`, `validation` and `test` items of each."""


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`; the tasks are arc-challenge and arc-easy; see `hub.items`."""
    import pandas as pd

    def question(row: hub.Row) -> hub.Question:
        return hub.Question(
            item=row.text("id"),
            task=f"arc-{part}",
            prompt=row.text("question"),
            options=row.texts("choices.text"),
            gold=row.choice("answerKey", row.texts("choices.label")),
        )

    found = []
    for part in PARTS if settings.part == "both" else (settings.part,):
        found.append(hub.items(name, settings, hub_root, PARTS[part], question))
    return pd.concat(found, ignore_index=True)
