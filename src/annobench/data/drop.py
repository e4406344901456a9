"""DROP: counting and arithmetic on a passage, in free text (Dua et al. 2019, arXiv 1903.00161).

An answer is a number, a date, or one or more spans of the passage; several are one text, see
`free_text`. The test split is not published, so the validation split is our test.

The Hub has a list of texts with the type of each. In train these are one annotator's answer. In
validation they are the answers of several annotators end to end, and where one ends is not kept. So
there, a list of spans that repeats itself is read as an answer that was given so many times; in any
other, each span counts as an answer, and all the different ones together do. That is too kind to
whoever names a part of a longer answer on which the annotators did not agree.

All this is known from the code that made the Hub's copy and from public code that reads it. We have
seen no copy.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from annobench import hub
from annobench.free_text import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

FREE_TEXT = True
REPOSITORY = hub.Repository(
    "ucinlp/drop",
    config="default",
    revision="95cda593fae71b60b5b19f82de3fcf3298c1239c",
    splits={"train": "train", "test": "validation"},
    stated={"train": 77400, "validation": 9535},
)
TYPES = ("number", "span", "date")


class Settings(hub.Settings):
    pass


def size(settings: Settings) -> dict[str, int]:
    return hub.size(settings, REPOSITORY)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`; the task is the type of the gold answer; see `hub.items`.

    Raises:
        AnnobenchError: a row has no answer, or one annotator's answer has several types.
    """
    return hub.items(name, settings, hub_root, REPOSITORY, _question)


def _question(row: hub.Row) -> hub.Question:
    given = "answers_spans"
    spans, types = row.texts(f"{given}.spans"), row.texts(f"{given}.types")
    if not spans or len(spans) != len(types) or not all(spans):
        raise row.unfit(given, row.values[given], "spans that are not empty, with a type for each")
    if not set(types) <= set(TYPES):
        raise row.unfit(f"{given}.types", types, f"each one of {', '.join(TYPES)}")
    several = row.split == "validation"
    if not several and len(types) > 1 and set(types) != {"span"}:
        raise row.unfit(given, row.values[given], "one number, one date, or spans")
    answers = _of_several(spans, types) if several else [SEPARATOR.join(spans)]
    return hub.Question(
        item=row.text("query_id"),
        task=dict(zip(spans, types, strict=True)).get(answers[0], "span"),
        prompt=f"{row.text('question')}\nContext: {row.text('passage')}",
        options=[],
        gold=None,
        answers=answers,
    )


def _of_several(spans: Sequence[str], types: Sequence[str]) -> list[str]:
    """The different answers of several annotators, the most frequent first."""
    listed = [span for span, kind in zip(spans, types, strict=True) if kind == "span"]
    once = _repeated(listed)
    if len(once) < len(listed):
        whole = SEPARATOR.join(once)
        answers = [
            whole if kind == "span" else span for span, kind in zip(spans, types, strict=True)
        ]
    else:
        together = [SEPARATOR.join(dict.fromkeys(listed))] if listed else []
        answers = [*spans, *together]
    return [answer for answer, _ in Counter(answers).most_common()]


def _repeated(spans: Sequence[str]) -> Sequence[str]:
    """The shortest beginning that the whole list is repetitions of."""
    for length in range(1, len(spans)):
        times, rest = divmod(len(spans), length)
        if not rest and list(spans[:length]) * times == list(spans):
            return spans[:length]
    return spans
