"""Views of an item: what the untrained model says of it when it is asked in different ways.

Each is a pure function over a way to ask (`questions.Ask`): items in, `tables.VIEW` out, one row
for each item in their order. `base` and `reasoning` see no label, so one file of each serves every
noise, method and ablation of a study. `context` shows labelled neighbours and `review` the answers
of two other views, so a method asks for these itself.

The roles are RobustFT's (arXiv 2412.14922, steps 1, 2, 5 and 6); the words of every prompt are
ours, as is the form that reasoning takes for a backend that only scores options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from annobench.free_text import same
from annobench.questions import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from annobench.questions import Ask, Example

REASON = (
    "Think about the question step by step: what it asks for, what you know about it, and which "
    "answers can be ruled out. Then give the answer that remains."
)
REFLECT = (
    "An answer has been proposed. Look for a mistake in it, weigh it against every other answer, "
    "and give your final answer, the same or a better one."
)
PROPOSED = "Proposed answer: {}"
SO_FAR = "Thoughts so far: {}"
CONTEXT = "Here are similar questions with their right answers. Answer the last one."
REVIEW = (
    "Two experts have answered a question, one after looking at similar questions, the other after "
    "thinking it through. Where they differ, decide who is right, and give the right answer."
)
EXPERTS = ("Expert who saw similar questions: {}", "Expert who thought it through: {}")
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


def base(ask: Ask, items: pd.DataFrame) -> pd.DataFrame:
    """The plain question. `items`: `tables.ITEMS`."""
    return ask(_questions(items))


def reasoning(ask: Ask, items: pd.DataFrame, reflections: int) -> pd.DataFrame:
    """Reason, then reflect up to `reflections` times on what was said, and answer.

    An item is finished when a reflection leaves its answer as it was. A backend that generates
    reads its own thoughts again; one that scores reads its last answer.
    """
    view = ask(_questions(items, REASON))
    unfinished = np.arange(len(items))
    for _ in range(reflections):
        if not len(unfinished):
            break
        before = view.iloc[unfinished]
        asked = items.iloc[unfinished]
        again = ask(_questions(asked, REFLECT, hints=_proposals(asked, before)))
        again.index = before.index
        view.loc[before.index] = again
        pairs = zip(answers(asked, again), answers(asked, before), strict=True)
        unfinished = unfinished[[one != other for one, other in pairs]]
    return view


def context(ask: Ask, items: pd.DataFrame, examples: Sequence[tuple[Example, ...]]) -> pd.DataFrame:
    """The question after each item's own labelled `examples`."""
    return ask(_questions(items, CONTEXT, examples=examples))


def review(ask: Ask, items: pd.DataFrame, *views: pd.DataFrame) -> pd.DataFrame:
    """The question with the final answers of the context view and the reasoning view."""
    said = zip(*(answers(items, view) for view in views), strict=True)
    hints = [
        "\n".join(
            expert.format(answer or NO_ANSWER) for expert, answer in zip(EXPERTS, both, strict=True)
        )
        for both in said
    ]
    return ask(_questions(items, REVIEW, hints=hints))


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
    prompts = [f"{prompt}\n{hint}" for prompt, hint in zip(items["prompt"], hints, strict=True)]
    options = pd.Series([VERDICTS] * len(items), items.index)
    view = ask(_questions(items.assign(prompt=prompts, options=options), CHECK))
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


def of_items(view: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The rows of a view that belong to these items, with their index."""
    return view.set_index("item").loc[items["item"]].reset_index().set_index(items.index)


def answers(items: pd.DataFrame, view: pd.DataFrame) -> list[str | None]:
    """The answers of a view in words, None where there is none; `items` are the view's."""
    return [
        (None if pd.isna(text) else text) if pd.isna(number) else options[int(number)]
        for options, number, text in zip(
            items["options"], view["answer"], view["text"], strict=True
        )
    ]


def says(items: pd.DataFrame, view: pd.DataFrame, labels: pd.Series) -> np.ndarray:
    """[items] whether a view's answer is the label, in words."""
    return np.array(
        [
            answer is not None and (answer == label if len(options) else same(answer, label))
            for answer, label, options in zip(
                answers(items, view), labels, items["options"], strict=True
            )
        ]
    )


def doubt(items: pd.DataFrame, view: pd.DataFrame, labels: pd.Series) -> np.ndarray:
    """[items] 1 - p(label), or where probabilities are not known 0 if the answer is the label and
    else 1."""
    agrees = says(items, view, labels)
    return np.array(
        [
            1.0 - (agree if p is None else p[list(options).index(label)])
            for agree, p, options, label in zip(
                agrees, view["probabilities"], items["options"], labels, strict=True
            )
        ]
    )


def _questions(
    items: pd.DataFrame,
    instruction: str = "",
    examples: Sequence[tuple[Example, ...]] | None = None,
    hints: Sequence[str] | None = None,
) -> list[Question]:
    return [
        Question(item, prompt, tuple(options), instruction, shown, hint)
        for item, prompt, options, shown, hint in zip(
            items["item"],
            items["prompt"],
            items["options"],
            [()] * len(items) if examples is None else examples,
            [""] * len(items) if hints is None else hints,
            strict=True,
        )
    ]


def _proposals(items: pd.DataFrame, view: pd.DataFrame) -> list[str]:
    """What a reflection looks at: all that was said, or else the answer."""
    return [
        PROPOSED.format(answer or NO_ANSWER) if pd.isna(said) else SO_FAR.format(said.strip())
        for said, answer in zip(view["said"], answers(items, view), strict=True)
    ]
