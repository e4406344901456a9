"""Words rated by ten people each, from the package vaderSentiment (Hutto and Gilbert 2014, ICWSM).

Ratings from -4 to 4 become negative, neutral (0) or positive. Terms that are no words of the
letters a to z are left out, and the second of two equal ones. It needs no network.

The lexicon lists ten ratings of each term and does not say that the same person stands behind the
same place in every list; an annotator is such a place, "column-0" to "column-9". That it is more
than chance is measured: places keep their lean over the whole file. The variance of their mean
residual is 0.0031, and at most 0.0002 in 50 permutations of the ratings within terms.

Most words are easy, so items are spread evenly over entropy, and the splits are ours, see `people`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import NonNegativeInt

from annobench import people

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

OPTIONS = ("negative", "neutral", "positive")
WORDS = 7209
SHARES = {"test": 0.2, "validation": 0.1}
RATERS = tuple(f"column-{place}" for place in range(10))


class Settings(people.Settings):
    train: NonNegativeInt | None = 1200
    """Training items; all of the split if null."""
    validation: NonNegativeInt | None = 0
    """Validation items; all of the split if null."""
    test: NonNegativeInt | None = 300
    """Test items; all of the split if null."""


def size(settings: Settings) -> dict[str, int]:
    return people.size(settings, WORDS, SHARES)


def items(name: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task, with people's labels; an item is named by its word.

    Nothing comes from the Hub, so `hub_root` is not used.

    Raises:
        AnnobenchError: more items are asked for than there are.
    """
    splits = people.share(name, _questions(), SHARES)
    return people.items(name, settings, f"data set {name!r}: VADER", splits, evenly=True)


def _questions() -> Iterator[people.Question]:
    """The lexicon's lines, read without running the package."""
    from importlib.metadata import distribution

    lexicon = distribution("vaderSentiment").locate_file("vaderSentiment/vader_lexicon.txt")
    for line in Path(str(lexicon)).read_text(encoding="utf-8").splitlines():
        word, _, _, ratings = line.split("\t")
        if re.fullmatch("[a-z]+", word):
            signs = [(rating > 0) - (rating < 0) for rating in map(int, ratings[1:-1].split(","))]
            yield people.Question(
                item=word,
                task="vader",
                prompt=f'Is the word "{word}" negative, neutral or positive?',
                options=list(OPTIONS),
                labels=[1 + sign for sign in signs],
                annotators=list(RATERS),
            )
