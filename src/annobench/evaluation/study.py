"""The pure core of `evaluate`: the results of cells in, the tables of a study out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation import crowds as draws
from annobench.evaluation import detection, distributions, recovery, samples
from annobench.evaluation import views as answered
from annobench.evaluation.agreement import Agreement, Known, Truth, true_expertise
from annobench.evaluation.cells import OK, CellResult, agreements, said
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.intervals import Score
from annobench.evaluation.samples import Asked, Sample
from annobench.evaluation.summary import Block, Scored, owed, summarize


@dataclass(frozen=True)
class StudyFrames:
    """One frame per study table, of the schema named beside it."""

    metrics: pd.DataFrame  # METRICS
    summary: pd.DataFrame  # SUMMARY
    comparisons: pd.DataFrame  # COMPARISONS
    annotators: pd.DataFrame  # STUDY_ANNOTATORS
    history: pd.DataFrame  # STUDY_HISTORY
    runs: pd.DataFrame  # RUNS
    costs: pd.DataFrame  # COSTS
    crowds: pd.DataFrame  # CROWDS
    selection: pd.DataFrame  # SELECTION
    views: pd.DataFrame  # VIEWS
    distributions: pd.DataFrame  # DISTRIBUTIONS
    recovery: pd.DataFrame  # RECOVERY


def evaluate(
    cells: Iterable[CellResult],
    items: Mapping[str, pd.DataFrame],
    crowds: Iterable[Crowd] = (),
    views: Mapping[tuple[str, str, str], pd.DataFrame] | None = None,
) -> StudyFrames:
    """Measure every cell, average over seeds, compare methods.

    Args:
        cells: every planned cell, read one at a time; one that is not ok keeps its place, with its
            status and reason.
        items: data set -> table `tables.ITEMS`. Test items with gold label get the metrics of
            `evaluation.metrics`, those of free text the metrics of `evaluation.text_metrics`, those
            with a known distribution the metrics of `evaluation.distribution_metrics`, pairs of
            responses the metrics of `evaluation.preference_metrics`, and test items with
            annotations the held-out likelihood.
        crowds: every draw of annotations, read one at a time. Cells of a draw that is not given are
            measured without its held-out labels and true expertise.
        views: (data set, model, view) -> table `tables.VIEW`. The base view tells which items are
            hard, to measure how many of their right labels a method lost.

    Raises:
        AnnobenchError: a cell's data set is not in `items`, a cell comes twice, or its predictions
            or an annotation do not fit the test items.
    """
    drawn = _read_crowds(crowds, items)
    asked = {dataset: samples.asked(frame) for dataset, frame in items.items()}
    sampled: dict[str, list[Sample]] = {
        dataset: [
            *samples.gold_samples(frame),
            *samples.distribution_samples(frame),
            *samples.preference_samples(frame),
            *samples.held_out_samples(drawn.held_out.get(dataset, {}), frame),
        ]
        for dataset, frame in items.items()
    }
    shares = {dataset: distributions.known(frame) for dataset, frame in items.items()}
    known = {dataset: Known(frame) for dataset, frame in items.items()}
    hard = _hard_items(views or {}, items)
    blocks: dict[tuple[str, str], Block] = {}
    seen: set[tuple[Any, ...]] = set()
    runs: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    annotators, history, selection, predicted = _Rows(), _Rows(), _Rows(), _Rows()
    for cell in cells:
        if cell.dataset not in items:
            raise AnnobenchError(
                f"{cell}: found data set {cell.dataset!r}; allowed: {', '.join(items)}"
            )
        if tuple(cell.key.values()) in seen:
            raise AnnobenchError(f"{cell}: cell found twice; allowed: once")
        seen.add(tuple(cell.key.values()))
        place = (cell.dataset, cell.model)
        block = blocks.setdefault(place, Block(*place, sampled[cell.dataset], []))
        draw = (cell.dataset, cell.noise, cell.seed)
        truth = drawn.truth.get(draw, _UNKNOWN)
        labels = _judged(cell, items[cell.dataset], drawn.labels.get(draw), hard.get(place))
        block.cells.append(
            _scored(cell, block, asked[cell.dataset], known[cell.dataset], truth, labels)
        )
        runs.append(cell.key | {name: getattr(cell, name) for name in RUN_FIELDS})
        costs.append(cell.key | {name: getattr(cell, name) for name in ("status", *COST_FIELDS)})
        if cell.annotators is not None:
            true = true_expertise(cell.annotators, truth)
            annotators.add(cell, cell.annotators.assign(true_expertise=true))
        if cell.history is not None:
            history.add(cell, cell.history)
        if labels is not None and detection.explained(labels):
            selection.add(cell, labels[detection.SELECTION])
        if cell.status == OK and cell.predictions is not None and len(shares[cell.dataset]):
            predicted.add(cell, distributions.rows_of(cell.predictions, shares[cell.dataset]))
    summary, comparisons = summarize(list(blocks.values()))
    metrics = [row for block in blocks.values() for row in _metric_rows(block)]
    return StudyFrames(
        metrics=_frame(pd.DataFrame(metrics), tables.METRICS),
        summary=_frame(summary, tables.SUMMARY),
        comparisons=_frame(comparisons, tables.COMPARISONS),
        annotators=_frame(annotators.frame(), tables.STUDY_ANNOTATORS),
        history=_frame(history.frame(), tables.STUDY_HISTORY),
        runs=_frame(pd.DataFrame(runs), tables.RUNS),
        costs=_frame(pd.DataFrame(costs), tables.COSTS),
        crowds=_frame(pd.DataFrame(drawn.rows), tables.CROWDS),
        selection=_frame(selection.frame(), tables.SELECTION),
        views=_frame(pd.DataFrame(_measured(views or {}, items)), tables.VIEWS),
        distributions=_frame(predicted.frame(), tables.DISTRIBUTIONS),
        recovery=_frame(tables.frame(drawn.recovery, tables.RECOVERY), tables.RECOVERY),
    )


RUN_FIELDS = ("status", "reason", "parameters", "trained_parameters", "settings")
COST_FIELDS = (
    "train_seconds",
    "total_seconds",
    "items_per_second",
    "peak_memory_bytes",
    "rollouts_per_second",
    "rollout_share",
)
_UNKNOWN = Truth(tables.empty(tables.TRUTH))


@dataclass(frozen=True)
class _Drawn:
    """What is kept of the draws of annotations."""

    rows: list[dict[str, Any]]
    truth: dict[tuple[str, str | None, int | None], Truth]
    labels: dict[tuple[str, str | None, int | None], pd.DataFrame]
    """annotations, where it is known which of them are wrong"""
    held_out: dict[str, dict[str, list[pd.DataFrame]]]
    """data set -> noise -> one frame per seed"""
    recovery: list[dict[str, Any]]


def _read_crowds(crowds: Iterable[Crowd], items: Mapping[str, pd.DataFrame]) -> _Drawn:
    found = _Drawn([], {}, {}, {}, [])
    for crowd in crowds:
        frame = items[crowd.dataset]
        found.rows.append(draws.measure(crowd, frame))
        found.recovery.extend(recovery.measure(crowd, frame))
        found.truth[crowd.dataset, crowd.noise, crowd.seed] = Truth(crowd.truth)
        if crowd.annotations["corrupted"].notna().any():
            found.labels[crowd.dataset, crowd.noise, crowd.seed] = crowd.annotations
        held = found.held_out.setdefault(crowd.dataset, {}).setdefault(crowd.noise, [])
        held.append(samples.held_out(crowd, frame))
    return found


def _hard_items(
    views: Mapping[tuple[str, str, str], pd.DataFrame], items: Mapping[str, pd.DataFrame]
) -> dict[tuple[str, str], pd.Series]:
    """(data set, model) -> which items are hard by the base view: the scored one if it is there."""
    return {
        (dataset, model): detection.hard_items(view, items[dataset])
        for base in ("base-generated", "base")
        for (dataset, model, name), view in views.items()
        if name == base
    }


def _measured(
    views: Mapping[tuple[str, str, str], pd.DataFrame], items: Mapping[str, pd.DataFrame]
) -> list[dict[str, Any]]:
    return [answered.measure(*place, view, items[place[0]]) for place, view in views.items()]


def _judged(
    cell: CellResult, items: pd.DataFrame, labels: pd.DataFrame | None, hard: pd.Series | None
) -> pd.DataFrame | None:
    """What became of each label, where there are targets, and labels of known truth."""
    if labels is None or cell.targets is None or cell.status != OK:
        return None
    return detection.judged(labels, cell.targets, items, hard)


def _scored(
    cell: CellResult,
    block: Block,
    asked: Asked,
    known: Known,
    truth: Truth,
    labels: pd.DataFrame | None,
) -> Scored:
    ok = cell.status == OK
    estimates = cell.predictions is None and cell.annotators is not None  # and predicts nothing
    predicted = said(cell, asked) if ok and block.samples and not estimates else None
    found = agreements(cell, known, truth) if ok else {}
    if labels is not None:
        found |= detection.measures(labels)
    return Scored(
        key=cell.key,
        status=cell.status,
        reason="it predicts no item" if ok and estimates else cell.reason,
        scores=[{} if predicted is None else s.scores(predicted) for s in block.samples],
        agreements=found,
    )


def _metric_rows(block: Block) -> Iterator[dict[str, Any]]:
    agreement_names = block.agreement_names()
    arms: dict[tuple[str, str | None], list[Scored]] = {}
    for cell in block.cells:
        arms.setdefault(cell.arm, []).append(cell)
    for cell in block.cells:
        for number, (sample, scores) in enumerate(zip(block.samples, cell.scores, strict=True)):
            if not cell.meets(sample):
                continue
            once = np.ones((1, len(sample.at)))
            for measure in sample.measures:
                if not owed(measure, number, arms[cell.arm]):
                    continue
                found = Agreement(None, 0, cell.reason)
                if measure in scores:
                    found = _measured_once(scores[measure], once)
                yield _row(cell, measure, found, sample.noise)
        for measure in agreement_names[cell.arm]:
            found = cell.agreements.get(measure, Agreement(None, 0, cell.reason))
            yield _row(cell, measure, found)


def _measured_once(score: Score, once: np.ndarray) -> Agreement:
    value = float(score(once)[0])
    if np.isnan(value):
        return Agreement(None, once.size, "it is not defined on these items")
    return Agreement(value, once.size)


def _row(cell: Scored, measure: str, found: Agreement, noise: str | None = None) -> dict[str, Any]:
    named = {} if noise is None else {"noise": noise}
    return cell.key | named | {"metric": measure, "status": cell.status} | found._asdict()


@dataclass(frozen=True)
class _Rows:
    """Rows of many cells."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    frames: list[pd.DataFrame] = field(default_factory=list)

    def add(self, cell: CellResult, rows: pd.DataFrame) -> None:
        self.keys.append(cell.key)
        self.frames.append(rows)

    def frame(self) -> pd.DataFrame:
        """All rows, each with its cell's key."""
        if not self.frames:
            return pd.DataFrame()
        rows = np.repeat(np.arange(len(self.frames)), [len(frame) for frame in self.frames])
        keys = pd.DataFrame(self.keys).take(rows).reset_index(drop=True)
        return pd.concat(self.frames, ignore_index=True).assign(**keys)


def _frame(rows: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """In the schema's columns and types, as `tables.read` would give it."""
    if rows.empty:
        return tables.empty(schema)
    table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    return tables.to_pandas(table)
