"""The pure core of `evaluate`: the results of cells in, the tables of a study out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation import detection, distributions
from annobench.evaluation.agreement import Agreement, Truth, true_expertise
from annobench.evaluation.cells import OK, CellResult, agreements, said
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.given import Given, Views, given
from annobench.evaluation.intervals import Score
from annobench.evaluation.summary import Block, Scored, compared, owed, summarize


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
    views: Views | None = None,
) -> StudyFrames:
    """Measure every cell, average over seeds, compare methods.

    Args:
        cells: every planned cell; one that is not ok keeps its place, with its status and reason.
        items, crowds, views: see `given`.

    Raises:
        AnnobenchError: a cell's data set is not in `items`, a cell comes twice, or its predictions
            or an annotation do not fit the test items.
    """
    known = given(items, crowds, views)
    places: dict[tuple[str, str], list[tuple[int, CellResult]]] = {}
    for number, cell in enumerate(cells):
        places.setdefault((cell.dataset, cell.model), []).append((number, cell))
    noises = noises_of((c.dataset, c.noise) for here in places.values() for _, c in here)
    return combine(known, [measure(here, known, noises) for here in places.values()])


def noises_of(cells: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    """data set -> the noises that its cells depend on, sorted; of the two of every cell."""
    found: dict[str, set[str]] = {}
    for dataset, noise in cells:
        found.setdefault(dataset, set()).update(set() if noise is None else {noise})
    return {dataset: sorted(names) for dataset, names in found.items()}


@dataclass(frozen=True)
class Measured:
    """What the cells of one (data set, model) add to the tables of a study."""

    metrics: list[dict[str, Any]]
    means: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    by_cell: dict[str, pd.DataFrame]
    """Study table -> rows, each with the number of its cell."""


def measure(
    cells: Iterable[tuple[int, CellResult]], known: Given, noises: Mapping[str, Sequence[str]]
) -> Measured:
    """Measure the cells of one (data set, model), and compare them.

    Args:
        cells: at least one, each with its number in the study; read one at a time.
        noises: `noises_of` the whole study.

    Raises:
        AnnobenchError: as `evaluate`.
    """
    scored: list[Scored] = []
    seen: set[tuple[Any, ...]] = set()
    runs: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    annotators, history, selection, predicted = _Rows(), _Rows(), _Rows(), _Rows()
    for number, cell in cells:
        if cell.dataset not in known.items:
            raise AnnobenchError(
                f"{cell}: found data set {cell.dataset!r}; allowed: {', '.join(known.items)}"
            )
        if tuple(cell.key.values()) in seen:
            raise AnnobenchError(f"{cell}: cell found twice; allowed: once")
        seen.add(tuple(cell.key.values()))
        key, shares = {_NUMBER: number} | cell.key, known.shares[cell.dataset]
        truth = known.truth.get((cell.dataset, cell.noise, cell.seed), _UNKNOWN)
        labels = _judged(cell, known)
        scored.append(_scored(cell, known, truth, labels))
        runs.append(key | {name: getattr(cell, name) for name in RUN_FIELDS})
        costs.append(key | {name: getattr(cell, name) for name in ("status", *COST_FIELDS)})
        if cell.annotators is not None:
            true = true_expertise(cell.annotators, truth)
            annotators.add(key, cell.annotators.assign(true_expertise=true))
        if cell.history is not None:
            history.add(key, cell.history)
        if labels is not None and detection.explained(labels):
            selection.add(key, labels[detection.SELECTION])
        if cell.status == OK and cell.predictions is not None and len(shares):
            predicted.add(key, distributions.rows_of(cell.predictions, shares))
    block = Block(cell.dataset, cell.model, known.samples[cell.dataset], scored)
    means, pairs = summarize(block, noises[cell.dataset])
    by_cell = {
        "runs": pd.DataFrame(runs),
        "costs": pd.DataFrame(costs),
        "annotators": annotators.frame(),
        "history": history.frame(),
        "selection": selection.frame(),
        "distributions": predicted.frame(),
    }
    return Measured(list(_metric_rows(block)), means, pairs, by_cell)


def combine(known: Given, measured: Sequence[Measured]) -> StudyFrames:
    """The tables of a study from all that was measured; rows of cells in the order of cells."""
    summary, comparisons = compared(
        [row for part in measured for row in part.means],
        [row for part in measured for row in part.pairs],
    )
    metrics = pd.DataFrame([row for part in measured for row in part.metrics])

    def by_cell(table: str) -> pd.DataFrame:
        parts = [part.by_cell[table] for part in measured if len(part.by_cell[table])]
        rows = pd.concat(parts).sort_values(_NUMBER, kind="stable") if parts else pd.DataFrame()
        return _frame(rows, tables.STUDY_SCHEMAS[table])

    return StudyFrames(
        metrics=_frame(metrics, tables.METRICS),
        summary=_frame(summary, tables.SUMMARY),
        comparisons=_frame(comparisons, tables.COMPARISONS),
        annotators=by_cell("annotators"),
        history=by_cell("history"),
        runs=by_cell("runs"),
        costs=by_cell("costs"),
        crowds=_frame(pd.DataFrame(known.crowds), tables.CROWDS),
        selection=by_cell("selection"),
        views=_frame(pd.DataFrame(known.views), tables.VIEWS),
        distributions=by_cell("distributions"),
        recovery=_frame(tables.frame(known.recovery, tables.RECOVERY), tables.RECOVERY),
    )


_NUMBER = "number"
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


def _judged(cell: CellResult, known: Given) -> pd.DataFrame | None:
    """What became of each label, where there are targets, and labels of known truth."""
    labels = known.labels.get((cell.dataset, cell.noise, cell.seed))
    if labels is None or cell.targets is None or cell.status != OK:
        return None
    hard = known.hard.get((cell.dataset, cell.model))
    return detection.judged(labels, cell.targets, known.items[cell.dataset], hard)


def _scored(cell: CellResult, known: Given, truth: Truth, labels: pd.DataFrame | None) -> Scored:
    ok = cell.status == OK
    measured_on = known.samples[cell.dataset]
    estimates = cell.predictions is None and cell.annotators is not None  # and predicts nothing
    asked = ok and measured_on and not estimates
    predicted = said(cell, known.asked[cell.dataset]) if asked else None
    found = agreements(cell, known.known[cell.dataset], truth) if ok else {}
    if labels is not None:
        found |= detection.measures(labels)
    return Scored(
        key=cell.key,
        status=cell.status,
        reason="it predicts no item" if ok and estimates else cell.reason,
        scores=[{} if predicted is None else s.scores(predicted) for s in measured_on],
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

    def add(self, key: dict[str, Any], rows: pd.DataFrame) -> None:
        self.keys.append(key)
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
