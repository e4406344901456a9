"""What the cells of a study are measured against: its items, its crowds, its views."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from annobench.evaluation import crowds as draws
from annobench.evaluation import detection, distributions, recovery, samples
from annobench.evaluation import views as answered
from annobench.evaluation.agreement import Known, Truth
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.samples import Asked, Sample

Draw = tuple[str, str | None, int | None]
"""data set, noise, seed"""
Views = Mapping[tuple[str, str, str], pd.DataFrame]
"""(data set, model, view) -> table `tables.VIEW`"""


@dataclass(frozen=True)
class Given:
    """By data set, where nothing else is said."""

    items: Mapping[str, pd.DataFrame]
    asked: Mapping[str, Asked]
    samples: Mapping[str, list[Sample]]
    shares: Mapping[str, pd.DataFrame]
    """items whose human distribution is known"""
    known: Mapping[str, Known]
    truth: Mapping[Draw, Truth]
    labels: Mapping[Draw, pd.DataFrame]
    """annotations, where it is known which of them are wrong"""
    hard: Mapping[tuple[str, str], pd.Series]
    """(data set, model) -> which items are hard by the base view: the scored one if it is there"""
    crowds: list[dict[str, Any]]
    recovery: list[dict[str, Any]]
    views: list[dict[str, Any]]
    """Rows of CROWDS, of RECOVERY and of VIEWS."""


def given(
    items: Mapping[str, pd.DataFrame], crowds: Iterable[Crowd] = (), views: Views | None = None
) -> Given:
    """Prepare to measure cells.

    Args:
        items: data set -> table `tables.ITEMS`. Test items with gold label get the metrics of
            `evaluation.metrics`, those of free text the metrics of `evaluation.text_metrics`, those
            with a known distribution the metrics of `evaluation.distribution_metrics`, pairs of
            responses the metrics of `evaluation.preference_metrics`, and test items with
            annotations the held-out likelihood.
        crowds: every draw of annotations, read one at a time. Cells of a draw that is not given are
            measured without its held-out labels and true expertise.
        views: the base view tells which items are hard, to measure how many of their right labels a
            method lost.

    Raises:
        AnnobenchError: an annotation does not fit the test items.
    """
    truth: dict[Draw, Truth] = {}
    labels: dict[Draw, pd.DataFrame] = {}
    held_out: dict[str, dict[str, list[pd.DataFrame]]] = {}
    measured: list[dict[str, Any]] = []
    recovered: list[dict[str, Any]] = []
    for crowd in crowds:
        draw, frame = (crowd.dataset, crowd.noise, crowd.seed), items[crowd.dataset]
        measured.append(draws.measure(crowd, frame))
        recovered.extend(recovery.measure(crowd, frame))
        truth[draw] = Truth(crowd.truth)
        if crowd.annotations["corrupted"].notna().any():
            labels[draw] = crowd.annotations
        held = held_out.setdefault(crowd.dataset, {}).setdefault(crowd.noise, [])
        held.append(samples.held_out(crowd, frame))
    views = views or {}
    return Given(
        items=items,
        asked={dataset: samples.asked(frame) for dataset, frame in items.items()},
        samples={
            dataset: [
                *samples.gold_samples(frame),
                *samples.distribution_samples(frame),
                *samples.preference_samples(frame),
                *samples.held_out_samples(held_out.get(dataset, {}), frame),
            ]
            for dataset, frame in items.items()
        },
        shares={dataset: distributions.known(frame) for dataset, frame in items.items()},
        known={dataset: Known(frame) for dataset, frame in items.items()},
        truth=truth,
        labels=labels,
        hard={
            (dataset, model): detection.hard_items(view, items[dataset])
            for base in ("base-generated", "base")
            for (dataset, model, name), view in views.items()
            if name == base
        },
        crowds=measured,
        recovery=recovered,
        views=[answered.measure(*place, view, items[place[0]]) for place, view in views.items()],
    )
