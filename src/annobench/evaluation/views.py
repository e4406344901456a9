"""What is said of a view: how often no answer could be read, and how often the answer is right."""

from typing import Any

import pandas as pd

from annobench.evaluation.detection import hard_items


def measure(
    dataset: str, model: str, name: str, view: pd.DataFrame, items: pd.DataFrame
) -> dict[str, Any]:
    """A row of `tables.VIEWS` of one view (`tables.VIEW`) of all items (`tables.ITEMS`).

    A failure is an answer that could not be read; accuracy is over the answers that could be, of
    items whose right answer is known, and null if there are none.
    """
    read = view.set_index("item")[["answer", "text"]].notna().any(axis=1)
    hard = hard_items(view, items)
    judged = hard[read[hard.index]]
    return {
        "dataset": dataset,
        "model": model,
        "view": name,
        "items": len(view),
        "failures": int((~read).sum()),
        "judged": len(judged),
        "accuracy": 1 - judged.mean() if len(judged) else None,
    }
