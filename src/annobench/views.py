"""Views of an item: what the untrained model says of it when it is asked in different ways.

The words of every prompt are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from annobench.questions import Example, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from annobench.questions import Ask

CONTEXT = "Here are similar questions with their right answers. Answer the last one."
CHECK = (
    "Someone has answered a question, and such answers are often wrong. Decide whether the given "
    "answer is wrong: say yes if it is wrong and no if it is right."
)
OPTIONS = "Possible answers: {}"
GIVEN = "Given answer: {}"
OTHERS = ("Another answer: {}", "An answer after some thought: {}")
IS_WRONG = "Is the given answer wrong?"
VERDICTS = ("no", "yes")
NO_ANSWER = "no answer"


def context(ask: Ask, items: pd.DataFrame, examples: Sequence[tuple[Example, ...]]) -> pd.DataFrame:
    """`tables.VIEW`: the question after each item's own labelled `examples`."""
    return ask(
        [
            Question(item, prompt, tuple(options), CONTEXT, shown)
            for item, prompt, options, shown in zip(
                items["item"], items["prompt"], items["options"], examples, strict=True
            )
        ]
    )


def check(
    ask: Ask,
    items: pd.DataFrame,
    labels: Sequence[str],
    base: Sequence[str | None] | None = None,
    reasoning: Sequence[str | None] | None = None,
) -> pd.DataFrame:
    """Whether the model takes the label of each item for noise.

    `items`: `tables.ITEMS`; `labels`: the answers to judge, in words; `base` and `reasoning`: what
    two views answered, shown if they are given (None for no answer), as to RobustFT's checker.

    Returns columns item, suspicion and noisy, one row for each item in their order. `suspicion` is
    the probability of "yes, it is wrong" where the backend knows it, else 1 or 0 by what was said,
    and null where that cannot be read. `noisy` is false only for a "no": what cannot be read is
    noisy, as only what is found right is to be trusted.
    """
    hints = [
        "\n".join(
            [OPTIONS.format("; ".join(options))] * (len(options) > 0)
            + [GIVEN.format(label)]
            + [other.format(text or NO_ANSWER) for other, text in said]
            + [IS_WRONG]
        )
        for options, label, said in zip(
            items["options"], labels, _others(len(items), base, reasoning), strict=True
        )
    ]
    view = ask(
        [
            Question(item, prompt, VERDICTS, CHECK, hints=hint)
            for item, prompt, hint in zip(items["item"], items["prompt"], hints, strict=True)
        ]
    )
    yes = [
        verdict if p is None else p[VERDICTS.index("yes")]
        for p, verdict in zip(
            view["probabilities"],
            view["answer"].astype("Float64").to_numpy(float, na_value=np.nan),
            strict=True,
        )
    ]
    return pd.DataFrame(
        {
            "item": items["item"].to_numpy(),
            "suspicion": np.array(yes, dtype=float),
            "noisy": ~view["answer"].eq(VERDICTS.index("no")).fillna(False).to_numpy(bool),
        }
    )


def _others(rows: int, *views: Sequence[str | None] | None) -> list[list[tuple[str, str | None]]]:
    """For each row the other answers to show, each with its line."""
    shown = [(line, view) for line, view in zip(OTHERS, views, strict=True) if view is not None]
    return [[(line, view[row]) for line, view in shown] for row in range(rows)]


def answers(items: pd.DataFrame, view: pd.DataFrame) -> list[str | None]:
    """The answers of a view in words, None where there is none; `items` are the view's."""
    return [
        (None if pd.isna(text) else text) if pd.isna(number) else options[int(number)]
        for options, number, text in zip(
            items["options"], view["answer"], view["text"], strict=True
        )
    ]


def of_items(view: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The view's rows (or those of `tables.PREDICTIONS`) of `items`, in their order and by their
    index; an item may come twice."""
    return view.set_index("item").loc[items["item"]].reset_index().set_index(items.index)
