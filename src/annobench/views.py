"""Views of an item: what the untrained model says of it when it is asked in different ways.

Each is a pure function over a way to ask (`questions.Ask`): items in, `tables.VIEW` out, one row
for each item in their order. `base` and `reasoning` see no label, so one file of each serves every
noise, method and ablation of a study. `context` shows labelled neighbours and `review` the answers
of two other views, so a method asks for these itself.

The roles are RobustFT's (arXiv 2412.14922, steps 1, 2, 5 and 6); the words of every prompt are
ours, as is the form that reasoning takes for a backend that only scores options.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from annobench.free_text import same
from annobench.questions import Example, Question
from annobench.retrieval import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from annobench.questions import Ask

log = logging.getLogger(__name__)

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
        changed = pd.Series(answers(asked, again)) != pd.Series(answers(asked, before))
        unfinished = unfinished[changed.to_numpy()]
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


def neighbours(
    embeddings: pd.DataFrame, items: pd.DataFrame, among: pd.DataFrame, k: int
) -> list[tuple[Example, ...]]:
    """For each item the k nearest others with their labels, the nearest last.

    `among` has a column `given`, the label in words. Where it holds fewer than k others, an item is
    shown those; the log says so.
    """
    if len(among) < k:
        log.warning("k: %d neighbours asked for, %d found; these are used", k, len(among))
    own = pd.Index(among["item"]).get_indexer(items["item"])
    vectors = (embeddings.loc[frame["item"]].to_numpy() for frame in (items, among))
    shown = [
        Example(prompt, tuple(options), label)
        for prompt, options, label in zip(
            among["prompt"], among["options"], among["given"], strict=True
        )
    ]
    return [
        tuple(shown[place] for place in reversed(places) if place >= 0)
        for places in nearest(*vectors, k, own).tolist()
    ]


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
