"""Test items that are resampled together, and what is measured on them.

Three kinds: items with a gold label, all of a data set's or one task's; items of a data set of free
text, likewise; and items with held-out annotations, where no gold label is needed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Protocol, cast

import numpy as np
import pandas as pd

from annobench import registry
from annobench.errors import AnnobenchError
from annobench.evaluation import heldout
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.intervals import Score


class Metric(Protocol):
    """A module of `evaluation.metrics`."""

    LABEL: str
    HIGHER_IS_BETTER: bool

    @staticmethod
    def value(
        probabilities: np.ndarray, gold: np.ndarray, weights: np.ndarray, /
    ) -> np.ndarray: ...


class TextMetric(Protocol):
    """A module of `evaluation.text_metrics`."""

    LABEL: str
    HIGHER_IS_BETTER: bool

    @staticmethod
    def score(text: str, answers: Sequence[str], /) -> float: ...


def item_metrics() -> dict[str, Metric]:
    """Every metric of `evaluation.metrics`, by kind."""
    return {kind: cast("Metric", module) for kind, module in _modules("evaluation.metrics")}


def text_metrics() -> dict[str, TextMetric]:
    """Every metric of `evaluation.text_metrics`, by kind."""
    package = "evaluation.text_metrics"
    return {kind: cast("TextMetric", module) for kind, module in _modules(package)}


def _modules(package: str) -> Iterator[tuple[str, ModuleType]]:
    return ((kind, registry.component(package, kind)) for kind in registry.kinds(package))


@dataclass(frozen=True)
class Asked:
    """The test items of a data set."""

    item: pd.Index
    """[N] their names"""
    options: np.ndarray
    """[N] how many options each has; none has any where free text is asked for"""

    @property
    def free_text(self) -> bool:
        return not self.options.any()


def asked(items: pd.DataFrame) -> Asked:
    """Select from a table `tables.ITEMS`."""
    test = items[items["split"] == "test"]
    return Asked(pd.Index(test["item"]), test["options"].map(len).to_numpy(np.int64))


@dataclass(frozen=True)
class _OfTask:
    """Test items whose right answers are known: all, or those of one task."""

    at: np.ndarray
    """[n] places among the test items"""
    task: str | None
    noise = None
    """Every cell is measured on them."""

    @property
    def stream(self) -> tuple[str, ...]:
        """Names the random stream of its resamples, beside the data set."""
        return () if self.task is None else ("task", self.task)

    @property
    def compared(self) -> bool:
        """Methods are compared and ranked over all tasks only."""
        return self.task is None

    def _named(self, kind: str) -> str:
        return kind if self.task is None else f"{kind}:{self.task}"


@dataclass(frozen=True)
class Gold(_OfTask):
    """Test items with a gold label."""

    gold: np.ndarray
    """[n] index of the correct option"""

    @property
    def measures(self) -> list[str]:
        return [self._named(kind) for kind in item_metrics()]

    def scores(self, p: np.ndarray, annotators: pd.DataFrame | None) -> dict[str, Score]:
        """By measure, of a cell's probabilities [N, K] of all test items."""
        return {
            self._named(kind): partial(metric.value, p[self.at], self.gold)
            for kind, metric in item_metrics().items()
        }


@dataclass(frozen=True)
class FreeText(_OfTask):
    """Test items with accepted answers."""

    answers: Sequence[Sequence[str]]
    """[n]"""

    @property
    def measures(self) -> list[str]:
        return [self._named(kind) for kind in text_metrics()]

    def scores(self, said: np.ndarray, annotators: pd.DataFrame | None) -> dict[str, Score]:
        """By measure, of a cell's texts [N] of all test items, None where nothing was said."""
        pairs = list(zip(said[self.at], self.answers, strict=True))
        return {
            self._named(kind): _mean(
                np.array([0.0 if text is None else metric.score(text, ok) for text, ok in pairs])
            )
            for kind, metric in text_metrics().items()
        }


def _mean(scores: np.ndarray) -> Score:
    """Of the items' scores [n], as a function of their weights."""

    def value(weights: np.ndarray) -> np.ndarray:
        means: np.ndarray = weights @ scores / weights.sum(-1)
        return means

    return value


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

    def scores(self, p: np.ndarray, annotators: pd.DataFrame | None) -> dict[str, Score]:
        return {heldout.NAME: heldout.score(p[self.at], self.labels, annotators)}


Sample = Gold | FreeText | HeldOut


def gold_samples(items: pd.DataFrame) -> list[Gold | FreeText]:
    """Of a table `tables.ITEMS`: all test items whose right answer is known, and each task's if
    there are several."""
    test = items[items["split"] == "test"].reset_index(drop=True)
    free_text = asked(items).free_text
    known = test if free_text else test[test["gold"].notna()]
    if known.empty:
        return []
    parts = {None: known} | {str(task): part for task, part in known.groupby("task", sort=False)}
    if len(parts) == 2:  # one task is all
        parts = {None: known}
    return [
        FreeText(part.index.to_numpy(), task, part["answers"].tolist())
        if free_text
        else Gold(part.index.to_numpy(), task, part["gold"].to_numpy(np.int64))
        for task, part in parts.items()
    ]


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
