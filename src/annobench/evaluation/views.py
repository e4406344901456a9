"""What is said of a view: how often no answer could be read, and how often the answer is right."""

from typing import Any

import pandas as pd

from annobench.free_text import exact_match


def measure(
    dataset: str, model: str, name: str, view: pd.DataFrame, items: pd.DataFrame
) -> dict[str, Any]:
    """A row of `tables.VIEWS` of one view (`tables.VIEW`) of all items (`tables.ITEMS`).

    A failure is an answer that could not be read; accuracy is over the answers that could be, of
    items whose right answer is known, and null if there are none.
    """
    said = items.merge(view, on="item", validate="one_to_one")
    read = said["answer"].notna() | said["text"].notna()
    right = [
        exact_match(text, answers) if pd.isna(gold) else bool(gold == answer)
        for gold, answers, answer, text in zip(
            said["gold"][read],
            said["answers"][read],
            said["answer"][read],
            said["text"][read],
            strict=True,
        )
        if not pd.isna(gold) or answers is not None
    ]
    return {
        "dataset": dataset,
        "model": model,
        "view": name,
        "items": len(said),
        "failures": int((~read).sum()),
        "judged": len(right),
        "accuracy": sum(right) / len(right) if right else None,
    }
