"""Noisy responses: one answer to each item, a fixed share of them wrong; nobody signs.

Of the n training items with a gold answer, exactly floor(rate * n) get another answer: an option
drawn uniformly from the item's others; of a free-text item, the answer of another training item of
the same type (the same task) that does not count as right. Which items are changed first, and to
what, does not depend on the rate, nor on the name of the noise in a study: what is changed at 0.3
is changed in the same way at 0.5 and 0.7, for the same data set and seed.

RobustFT (arXiv 2412.14922): exact counts, nested sets and uniform wrong options are those of its
released data; what it did to free text is not known, so that part is our reconstruction.
"""

from __future__ import annotations

from decimal import Decimal
from math import floor
from typing import TYPE_CHECKING

from pydantic import Field

from annobench import settings as _settings
from annobench.errors import AnnobenchError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FREE_TEXT = True
STREAM = "response"


class Settings(_settings.Settings):
    rate: float = Field(ge=0, lt=1)
    """The share of training items whose answer is made wrong, from 0 to below 1; of n items these
    are floor(rate * n)."""


def has_annotator_ids(settings: Settings) -> bool:
    """Nobody signs a response."""
    return False


def has_truth(settings: Settings) -> bool:
    """There are no annotators to know the truth about."""
    return False


def judge(settings: Settings) -> None:
    """Needs no model."""


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` of the training items with a gold answer, and no truth.

    Raises:
        AnnobenchError: labels are to be changed, and an item has one option, or a type of free text
            has no other answer.
    """
    import pandas as pd

    from annobench.tables import TRUTH, empty

    train = items[items["split"] == "train"]
    free_text = not train["options"].map(len).any()
    train = train[train["answers"].str.len() > 0 if free_text else train["gold"].notna()]
    gold, wrong = (_texts if free_text else _labels)(train, rng)
    changed = rng.permutation(len(train)) < floor(Decimal(str(settings.rate)) * len(train))
    if changed.any() and wrong.isna().any():
        item, task = train.loc[wrong.isna(), ["item", "task"]].iloc[0]
        raise AnnobenchError(
            f"item {item!r}: found no wrong answer to give it; allowed: "
            + (f"another answer of type {task!r}" if free_text else "two options or more")
        )
    answer = gold.mask(changed, wrong)
    found = pd.DataFrame(
        {
            "item": train["item"],
            "label": None if free_text else answer,
            "annotator": None,
            "text": answer if free_text else None,
            "corrupted": changed,
        }
    )
    return found.reset_index(drop=True), empty(TRUTH)


def _labels(train: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """The gold option of each item and one of another text, null where there is none."""
    import pandas as pd

    gold = train["gold"].astype("Int64")
    wrong = []
    for options, right, draw in zip(train["options"], gold, rng.random(len(train)), strict=True):
        others = [place for place, text in enumerate(options) if text != options[right]]
        wrong.append(others[int(draw * len(others))] if others else None)
    return gold, pd.Series(wrong, train.index, dtype="Int64")


def _texts(train: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """The gold text of each item and a wrong one of its type, null where there is none."""
    import pandas as pd

    from annobench.free_text import exact_match

    gold = train["answers"].str[0]
    of_type = {task: texts.to_numpy() for task, texts in gold.groupby(train["task"])}
    wrong = []
    for task, answers in zip(train["task"], train["answers"], strict=True):
        texts = of_type[task]
        drawn = (texts[place] for place in rng.permutation(len(texts)))
        wrong.append(next((text for text in drawn if not exact_match(text, answers)), None))
    return gold, pd.Series(wrong, index=train.index, dtype="str")
