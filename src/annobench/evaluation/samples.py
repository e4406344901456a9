"""Test items that are resampled together, and what is measured on them.

Five kinds: items with a gold label, all of a data set's or a part of them, one task's or a third of
human entropy; items of a data set of free text, all or one task's; items whose human distribution
is known, all or a third of human entropy; pairs of responses; and items with held-out annotations,
where no gold label is needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from annobench.errors import AnnobenchError
from annobench.evaluation import VERBAL, distributions, heldout
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.distributions import Human
from annobench.evaluation.intervals import Score
from annobench.evaluation.measures import (
    VERBAL_ACCURACY,
    distribution_metrics,
    item_metrics,
    preference_metrics,
    text_metrics,
)
from annobench.evaluation.metrics import accuracy
from annobench.evaluation.preferences import Aligned
from annobench.pairs import are_pairs


@dataclass(frozen=True)
class Asked:
    """The test items of a data set."""

    item: pd.Index
    """[N] their names"""
    options: np.ndarray
    """[N] how many options each has; none has any where free text is asked for"""
    pairs: bool = False
    """Whether they are pairs of responses."""

    @property
    def free_text(self) -> bool:
        return not self.options.any()


def asked(items: pd.DataFrame) -> Asked:
    """Select from a table `tables.ITEMS`."""
    test = items[items["split"] == "test"]
    options = test["options"].map(len).to_numpy(np.int64)
    return Asked(pd.Index(test["item"]), options, are_pairs(items))


@dataclass(frozen=True)
class Said:
    """What a cell predicted of all N test items, and learned of the annotators."""

    options: np.ndarray
    """[N, K] probabilities, 0 beyond an item's own options; of free text the texts [N], None where
    nothing was said"""
    verbal: np.ndarray | None
    """[N, K] likewise, as it wrote them down: NaN of items that it was not asked about, uniform
    where the answer could not be read; None where it was asked about none"""
    annotators: pd.DataFrame | None
    """table `tables.ANNOTATORS`, or None"""
    aligned: Aligned | None = None
    """Of all N pairs, where the model was aligned."""

    def written(self, at: np.ndarray) -> np.ndarray | None:
        """[n, K] `verbal` of some items, or None unless it was asked about each of them."""
        found = None if self.verbal is None else self.verbal[at]
        return None if found is None or np.isnan(found).any() else found


@dataclass(frozen=True)
class _Part:
    """Test items that every cell is measured on: all of a kind, or a part of them."""

    at: np.ndarray
    """[n] places among the test items"""
    part: tuple[str, ...]
    """Empty for all; else the kind of part and its name: ("task", "geo")."""
    noise = None

    @property
    def stream(self) -> tuple[str, ...]:
        """Names the random stream of its resamples, beside the data set."""
        return self.part

    @property
    def compared(self) -> bool:
        """Methods are compared and ranked over all items only."""
        return not self.part

    def _named(self, kind: str) -> str:
        return ":".join((kind, *self.part[1:]))


@dataclass(frozen=True)
class Gold(_Part):
    """Test items with a gold label."""

    gold: np.ndarray
    """[n] index of the correct option"""

    @property
    def measures(self) -> list[str]:
        return [self._named(kind) for kind in (*item_metrics(), VERBAL_ACCURACY)]

    def scores(self, said: Said) -> dict[str, Score]:
        """By measure; of the distributions that a cell wrote down the accuracy only."""
        found: dict[str, Score] = {
            self._named(kind): partial(metric.value, said.options[self.at], self.gold)
            for kind, metric in item_metrics().items()
        }
        written = said.written(self.at)
        if written is not None:
            found[self._named(VERBAL_ACCURACY)] = partial(accuracy.value, written, self.gold)
        return found


@dataclass(frozen=True)
class FreeText(_Part):
    """Test items with accepted answers."""

    answers: Sequence[Sequence[str]]
    """[n]"""

    @property
    def measures(self) -> list[str]:
        return [self._named(kind) for kind in text_metrics()]

    def scores(self, said: Said) -> dict[str, Score]:
        """By measure."""
        pairs = list(zip(said.options[self.at], self.answers, strict=True))
        return {
            self._named(kind): _mean(
                np.array([0.0 if text is None else metric.score(text, ok) for text, ok in pairs])
            )
            for kind, metric in text_metrics().items()
        }


def _mean(scores: np.ndarray) -> Score:
    """Of the items' scores [n], as a function of their weights; an item of score NaN counts for
    nothing, and the mean of none is NaN."""
    known = ~np.isnan(scores)
    held = np.where(known, scores, 0.0)

    def value(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            means: np.ndarray = (weights @ held) / (weights @ known.astype(float))
        return means

    return value


@dataclass(frozen=True)
class Distributions(_Part):
    """Test items whose human distribution is known."""

    human: Human
    """Of these items, in this order."""

    @property
    def stream(self) -> tuple[str, ...]:
        return ("distributions", *self.part)

    @property
    def measures(self) -> list[str]:
        kinds = distribution_metrics()
        return [self._named(reading + kind) for reading in ("", VERBAL) for kind in kinds]

    def scores(self, said: Said) -> dict[str, Score]:
        """By measure, of the options' probabilities and of what the cell wrote down."""
        read = {"": said.options[self.at], VERBAL: said.written(self.at)}
        return {
            self._named(reading + kind): partial(metric.value, p, self.human)
            for reading, p in read.items()
            if p is not None
            for kind, metric in distribution_metrics().items()
        }


@dataclass(frozen=True)
class Preferences(_Part):
    """Test items that are pairs of responses."""

    gold: np.ndarray
    """[n] index of the better response, NaN where neither is"""

    @property
    def stream(self) -> tuple[str, ...]:
        return ("preferences", *self.part)

    @property
    def measures(self) -> list[str]:
        return [self._named(kind) for kind in preference_metrics()]

    def scores(self, said: Said) -> dict[str, Score]:
        """By measure, of those that can be said of any of the pairs."""
        if said.aligned is None:
            return {}
        aligned = said.aligned.of(self.at)
        found = {
            self._named(kind): metric.scores(aligned, self.gold)
            for kind, metric in preference_metrics().items()
        }
        return {name: _mean(scores) for name, scores in found.items() if not np.isnan(scores).all()}


@dataclass(frozen=True)
class HeldOut:
    """Test items with held-out annotations of a noise, which training did not see."""

    at: np.ndarray
    """[n] places among the test items"""
    noise: str
    """Cells under this noise are measured on them, and those that depend on none."""
    labels: heldout.Labels
    """Of these items, in this order."""
    compared = True
    measures = (heldout.NAME,)

    @property
    def stream(self) -> tuple[str, ...]:
        return ("held-out", self.noise)

    def scores(self, said: Said) -> dict[str, Score]:
        found = heldout.score(said.options[self.at], self.labels, said.annotators)
        return {heldout.NAME: found}


Sample = Gold | FreeText | Distributions | Preferences | HeldOut


def gold_samples(items: pd.DataFrame) -> list[Gold | FreeText]:
    """Of a table `tables.ITEMS`: all test items whose right answer is known, each task's if there
    are several, and each third's of human entropy where that is known."""
    test = items[items["split"] == "test"].reset_index(drop=True)
    free_text = asked(items).free_text
    known = test if free_text else test[test["gold"].notna()]
    if known.empty:
        return []
    parts: dict[tuple[str, ...], pd.DataFrame] = {(): known}
    if known["task"].nunique() > 1:
        parts |= {("task", str(task)): part for task, part in known.groupby("task", sort=False)}
    for name, rows in distributions.terciles(distributions.known(items)).items():
        third = known[known.index.isin(rows.index)]
        if len(third):
            parts["entropy", name] = third
    return [
        FreeText(rows.index.to_numpy(), part, rows["answers"].tolist())
        if free_text
        else Gold(rows.index.to_numpy(), part, rows["gold"].to_numpy(np.int64))
        for part, rows in parts.items()
    ]


def distribution_samples(items: pd.DataFrame) -> list[Distributions]:
    """Of a table `tables.ITEMS`: all test items whose human distribution is known, and each third's
    of human entropy."""
    known = distributions.known(items)
    if known.empty:
        return []
    thirds = distributions.terciles(known).items()
    parts: dict[tuple[str, ...], pd.DataFrame] = {(): known}
    parts |= {("entropy", name): rows for name, rows in thirds}
    return [
        Distributions(rows.index.to_numpy(), part, distributions.human(rows))
        for part, rows in parts.items()
    ]


def preference_samples(items: pd.DataFrame) -> list[Preferences]:
    """Of a table `tables.ITEMS`: all test items, if they are pairs of responses."""
    test = items[items["split"] == "test"]
    if test.empty or not are_pairs(items):
        return []
    return [Preferences(np.arange(len(test)), (), test["gold"].to_numpy(float, na_value=np.nan))]


def held_out_samples(
    held: Mapping[str, Iterable[pd.DataFrame]], items: pd.DataFrame
) -> list[HeldOut]:
    """One per noise with annotations of test items; none for free text, which has no probability.

    Args:
        held: noise -> the held-out annotations of each of its seeds. They are pooled: where every
            seed has the same, as with a user's own, that changes no mean over annotations.
        items: table `tables.ITEMS`.

    Raises:
        AnnobenchError: a label is not one of its item's options.
    """
    found: list[HeldOut] = []
    if asked(items).free_text:
        return found
    test = items[items["split"] == "test"].reset_index(drop=True)
    options = test["options"].map(len).to_numpy(np.int64)
    for noise, frames in held.items():
        pooled = pd.concat(list(frames)).value_counts(dropna=False, sort=False).reset_index()
        if pooled.empty:
            continue
        place = pd.Index(test["item"]).get_indexer(pooled["item"])
        bad = ~pooled["label"].between(0, options[place] - 1)
        if bad.any():
            item, label = pooled.loc[bad, ["item", "label"]].iloc[0]
            raise AnnobenchError(
                f"annotations of {noise}: test item {item!r}: found label {label}; allowed: 0 and "
                "up, below the item's number of options"
            )
        at, row = np.unique(place, return_inverse=True)
        labels = heldout.Labels(
            item=row,
            label=pooled["label"].to_numpy(np.int64),
            count=pooled["count"].to_numpy(float),
            who=pd.MultiIndex.from_arrays([pooled["annotator"], test["task"].to_numpy()[place]]),
            options=options[at],
        )
        found.append(HeldOut(at, noise, labels))
    return found


def held_out(crowd: Crowd, items: pd.DataFrame) -> pd.DataFrame:
    """The annotations of test items."""
    test = items.loc[items["split"] == "test", "item"]
    return crowd.annotations[crowd.annotations["item"].isin(test)]
