"""Whether a free text is right: the exact match and F1 of DROP (Dua et al. 2019, arXiv 1903.00161).

The same numbers as the authors' public evaluation (allenai/allennlp-reading-comprehension,
allennlp_rc/eval/drop_eval.py), written anew. A text is split at spaces and hyphens, each word is
put in lower case, loses its punctuation and is left out if it is an article; a word that is a
number counts as that number. F1 is over the words of a span, each once, and 0 where the gold span
has numbers but none of them was said.

An answer of several spans is one text here, with `SEPARATOR` between its spans.
"""

from __future__ import annotations

import re
import unicodedata
from string import punctuation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SEPARATOR = "; "
_PUNCTUATION = str.maketrans("", "", punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")


def exact_match(text: str, answers: Iterable[str]) -> bool:
    """Whether a text is the same as one of the accepted answers."""
    return any(same(text, answer) for answer in answers)


def holds(text: str, answers: Iterable[str]) -> bool:
    """Whether a text holds one of the answers as words of its own, case and accents aside."""
    said = fold(text)
    return any(re.search(rf"(?<!\w){re.escape(fold(answer))}(?!\w)", said) for answer in answers)


def fold(text: str) -> str:
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def f1(text: str, answers: Iterable[str]) -> float:
    """The best F1, in [0, 1] and rounded to two places, over the accepted answers; 0 without any.

    Spans are paired one to one so that their F1 add up to most, and those left over on either side
    count as 0.
    """
    return max((_f1(text, answer) for answer in answers), default=0.0)


def same(a: str, b: str) -> bool:
    """Whether two texts have the same normalised spans, in any order."""
    one, other = _spans(a), _spans(b)
    return len(one) == len(other) and set(one) == set(other)


def _f1(text: str, answer: str) -> float:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    said, gold = ([set(span.split()) for span in _spans(whole)] for whole in (text, answer))
    scores = np.array([[_overlap(mine, theirs) for mine in said] for theirs in gold])
    paired = scores[linear_sum_assignment(scores, maximize=True)]
    return float(np.round(paired.sum() / max(len(said), len(gold)), 2))


def _overlap(said: set[str], gold: set[str]) -> float:
    """F1 of two spans' words."""
    numbers = {word for word in gold if _is_number(word)}
    if numbers and not numbers & said:
        return 0.0
    return 2 * len(said & gold) / (len(said) + len(gold)) if said or gold else 1.0


def _spans(text: str) -> list[str]:
    return [_normalised(span) for span in text.split(SEPARATOR)]


def _normalised(span: str) -> str:
    return " ".join(" ".join(map(_word, re.split("[ -]", span.lower()))).split())


def _word(word: str) -> str:
    if not _is_number(word):
        word = word.translate(_PUNCTUATION)
    return _ARTICLE.sub(" ", str(float(word)) if _is_number(word) else word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
