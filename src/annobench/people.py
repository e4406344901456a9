"""Items that come with the labels which people gave: their shares, and splits alike in entropy.

The entropy of the shares, divided by log K, says how far people disagree on an item. Strata are ten
parts of the items by entropy; items of one stratum stand in random order. Nothing of this is in the
data sets' papers: it is our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import NonNegativeInt

from annobench.errors import AnnobenchError
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

STRATA = 10
SHARES = {"test": 0.1, "validation": 0.1}
"""What `share` gives each split; the rest is train."""


class Settings(Base):
    """How much of each split is used."""

    train: NonNegativeInt | None = None
    """Training items; all of the split if null."""
    validation: NonNegativeInt | None = None
    """Validation items; all of the split if null."""
    test: NonNegativeInt | None = None
    """Test items; all of the split if null."""


@dataclass(frozen=True)
class Question:
    """One item; `labels` index `options`, and `annotators` gave them, where that is known."""

    item: str
    task: str
    prompt: str
    options: list[str]
    labels: list[int]
    annotators: list[str] | None = None

    @property
    def counts(self) -> list[int]:
        """How many labels each option has."""
        return [self.labels.count(option) for option in range(len(self.options))]

    @property
    def distribution(self) -> list[float]:
        return [count / len(self.labels) for count in self.counts]

    @property
    def gold(self) -> int | None:
        """The option of most labels; None where two have as many."""
        counts = self.counts
        return None if counts.count(max(counts)) > 1 else counts.index(max(counts))


def items(
    name: str,
    settings: Settings,
    where: str,
    splits: Mapping[str, Sequence[Question]],
    evenly: bool = False,
) -> pd.DataFrame:
    """The table `tables.ITEMS`: of each split as many as are asked for, the first ones in the order
    of `spread`, so that fewer are among more and any number has easy and contested items.

    Raises:
        AnnobenchError: a split has too few items; `where` names the data.
    """
    from annobench.seeds import generator
    from annobench.tables import ITEMS, frame

    rows = []
    for split in ("train", "validation", "test"):
        held, size = splits.get(split, ()), getattr(settings, split)
        if size is not None and size > len(held):
            raise AnnobenchError(
                f"{where}: found {size} {split} items asked for; allowed: at most {len(held)}"
            )
        order = spread(_entropies(held), generator("data", name, split), evenly)
        shown = [held[n] for n in order[:size].tolist()]
        rows += [
            vars(each) | {"split": split, "gold": each.gold, "distribution": each.distribution}
            for each in shown
        ]
    return frame(rows, ITEMS)


def share(
    name: str, questions: Iterable[Question], shares: Mapping[str, float] = SHARES
) -> dict[str, list[Question]]:
    """Splits of data without any, all alike in entropy; what asks the same is used once.

    Which items a split holds does not depend on how many of them a study uses.
    """
    from annobench.seeds import generator

    first: dict[object, Question] = {}
    for question in questions:
        first.setdefault((question.prompt, *question.options), question)
    distinct = list(first.values())
    order = spread(_entropies(distinct), generator("data", name, "splits")).tolist()
    found = {}
    for split, size in counts(len(distinct), shares).items():
        found[split] = [distinct[n] for n in order[:size]]
        order = order[size:]
    return found


def counts(questions: int, shares: Mapping[str, float] = SHARES) -> dict[str, int]:
    """How many of so many questions each split of `share` holds."""
    found = {split: int(questions * part) for split, part in shares.items()}
    return found | {"train": questions - sum(found.values())}


def size(
    settings: Settings, questions: int, shares: Mapping[str, float] = SHARES
) -> dict[str, int]:
    """How many items of each split `items` returns of so many questions, if none comes twice."""
    held = counts(questions, shares)
    asked = {split: getattr(settings, split) for split in ("train", "validation", "test")}
    return {split: held[split] if n is None else n for split, n in asked.items()}


def stated(settings: Base) -> dict[str, int] | None:
    """How many items of each split, of data that nobody has counted: not known before it is read,
    unless every split has a number."""
    asked = {split: getattr(settings, split) for split in ("train", "validation", "test")}
    return None if None in asked.values() else asked


def spread(
    entropy: npt.NDArray[np.float64], rng: np.random.Generator, evenly: bool = False
) -> npt.NDArray[np.int64]:
    """An order of items of which every beginning is spread over the strata: each of them gives one
    item in turn, as long as it lasts.

    The strata are of equal size; `evenly`, they are equal intervals of entropy, so that the few
    contested items of a data set are not lost among many easy ones.

    Args:
        entropy: of each item, [N], from 0 to 1.
    """
    import numpy as np

    N = len(entropy)
    mixed = rng.permutation(N)
    ranked = mixed[np.argsort(entropy[mixed], kind="stable")]
    if evenly:
        stratum = np.minimum(entropy[ranked] * STRATA, STRATA - 1).astype(np.int64)
    else:
        stratum = np.arange(N) * STRATA // max(N, 1)
    in_strata = ranked[np.lexsort((rng.random(N), stratum))]
    turn = np.arange(N) - np.searchsorted(stratum, stratum)
    order: npt.NDArray[np.int64] = in_strata[np.lexsort((rng.random(N), turn))]
    return order


def _entropies(questions: Sequence[Question]) -> npt.NDArray[np.float64]:
    """[N], rounded so that the order of options or of sums decides nothing."""
    import numpy as np

    from annobench.distances import entropy

    width = max((len(each.options) for each in questions), default=0)
    p = np.zeros((len(questions), width))
    for row, each in zip(p, questions, strict=True):
        row[: len(each.options)] = each.distribution
    found: npt.NDArray[np.float64] = entropy(p, np.array([len(q.options) for q in questions]))
    return found.round(9)
