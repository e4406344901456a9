"""Splits that a data set does not publish, carved from the end of its training questions.

First test, then validation: as many items as are asked for, or half of the questions and a tenth of
the rest where no number is given. Items are taken from the end of the order, the last one first,
so that a smaller split is a part of a larger one and the first training items stay as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from annobench.hub import Question

SHARES = {"test": 2, "validation": 10}
"""A carved split without a size is one half, or one tenth, of what train then holds."""


def carve(
    questions: Sequence[Question],
    sizes: Mapping[str, int | None],
    tasks: Container[str] | None = None,
) -> dict[str, list[Question]]:
    """The splits of `sizes` and what is left for train; a question that comes twice is used once.

    Args:
        questions: in the order in which they are drawn.
        sizes: split -> how many questions, None for its share; all there are if there are fewer.
        tasks: the tasks whose questions count for a size; all if None. A share is one of all
            questions, so in which split a question then is does not depend on the tasks.
    """
    rest = _distinct(questions)
    found = {}
    for split, share in SHARES.items():
        if split not in sizes:
            continue
        size = sizes[split]
        if size is None:
            left = len(rest) - len(rest) // share
        else:
            fit = [n for n, each in enumerate(rest) if tasks is None or each.task in tasks]
            left = fit[-size] if size <= len(fit) else 0
        rest, found[split] = rest[:left], rest[left:][::-1]
    return found | {"train": rest}


def counts(questions: int, sizes: Mapping[str, int | None]) -> dict[str, int]:
    """How many questions each split of `carve` holds, and train, if none comes twice."""
    found = {}
    for split, share in SHARES.items():
        if split in sizes:
            size = sizes[split]
            found[split] = questions // share if size is None else min(size, questions)
            questions -= found[split]
    return found | {"train": questions}


def _distinct(questions: Sequence[Question]) -> list[Question]:
    """The first of those that ask the same, so that none is in two splits."""
    first: dict[object, Question] = {}
    for question in questions:
        first.setdefault((question.prompt, *question.options), question)
    return list(first.values())
