"""The pure core of `evaluate`: the results of cells in, the tables of a study out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation.agreement import Agreement, with_truth
from annobench.evaluation.cells import (
    OK,
    CellResult,
    GoldItems,
    agreements,
    gold_items,
    item_metrics,
    probabilities,
)
from annobench.evaluation.summary import Block, Scored, summarize


@dataclass(frozen=True)
class StudyFrames:
    """One frame per study table, of the schema named beside it."""

    metrics: pd.DataFrame  # METRICS
    summary: pd.DataFrame  # SUMMARY
    comparisons: pd.DataFrame  # COMPARISONS
    annotators: pd.DataFrame  # STUDY_ANNOTATORS
    history: pd.DataFrame  # STUDY_HISTORY
    runs: pd.DataFrame  # RUNS


def evaluate(cells: Iterable[CellResult], items: Mapping[str, pd.DataFrame]) -> StudyFrames:
    """Measure every cell, average over seeds, compare methods.

    Args:
        cells: every planned cell, read one at a time; one that is not ok keeps its place, with its
            status and reason.
        items: data set -> table `tables.ITEMS`. Test items without gold label are left out; a data
            set that has none gets no item metrics.

    Raises:
        AnnobenchError: a cell's data set is not in `items`, a cell comes twice, or its predictions
            do not fit the test items.
    """
    gold = {dataset: gold_items(frame) for dataset, frame in items.items()}
    blocks: dict[tuple[str, str], Block] = {}
    seen: set[tuple[Any, ...]] = set()
    runs: list[dict[str, Any]] = []
    annotators: list[pd.DataFrame] = []
    history: list[pd.DataFrame] = []
    for cell in cells:
        if cell.dataset not in items:
            raise AnnobenchError(
                f"{cell}: found data set {cell.dataset!r}; allowed: {', '.join(items)}"
            )
        if tuple(cell.key.values()) in seen:
            raise AnnobenchError(f"{cell}: cell found twice; allowed: once")
        seen.add(tuple(cell.key.values()))
        place = (cell.dataset, cell.model)
        block = blocks.setdefault(place, Block(*place, gold[cell.dataset].gold, []))
        block.cells.append(_scored(cell, items[cell.dataset], gold[cell.dataset]))
        runs.append(cell.key | {name: getattr(cell, name) for name in RUN_FIELDS})
        if cell.annotators is not None:
            found = cell.annotators.assign(true_expertise=np.nan)
            if cell.truth is not None:
                found = with_truth(cell.annotators, cell.truth)
            annotators.append(found.assign(**cell.key))
        if cell.history is not None:
            history.append(cell.history.assign(**cell.key))
    summary, comparisons = summarize(list(blocks.values()))
    metrics = [row for block in blocks.values() for row in _metric_rows(block)]
    return StudyFrames(
        metrics=_frame(pd.DataFrame(metrics), tables.METRICS),
        summary=_frame(summary, tables.SUMMARY),
        comparisons=_frame(comparisons, tables.COMPARISONS),
        annotators=_frame(_concatenated(annotators), tables.STUDY_ANNOTATORS),
        history=_frame(_concatenated(history), tables.STUDY_HISTORY),
        runs=_frame(pd.DataFrame(runs), tables.RUNS),
    )


RUN_FIELDS = (
    "status",
    "reason",
    "train_seconds",
    "total_seconds",
    "items_per_second",
    "peak_memory_bytes",
)


def _scored(cell: CellResult, items: pd.DataFrame, gold: GoldItems) -> Scored:
    ok = cell.status == OK
    return Scored(
        key=cell.key,
        status=cell.status,
        reason=cell.reason,
        probabilities=probabilities(cell, gold) if ok and len(gold.gold) else None,
        agreements=agreements(cell, items) if ok else {},
    )


def _metric_rows(block: Block) -> Iterator[dict[str, Any]]:
    metrics = item_metrics() if len(block.gold) else {}
    once = np.ones((1, len(block.gold)))
    agreement_names = block.agreement_names()
    for cell in block.cells:
        values: dict[str, Agreement] = {}
        for kind, metric in metrics.items():
            if cell.probabilities is None:
                values[kind] = Agreement(None, 0, cell.reason)
            else:
                value = metric.value(cell.probabilities, block.gold, once)
                values[kind] = Agreement(float(value[0]), len(block.gold))
        for kind in agreement_names[cell.arm]:
            values[kind] = cell.agreements.get(kind, Agreement(None, 0, cell.reason))
        for kind, agreement in values.items():
            yield cell.key | {"metric": kind, "status": cell.status} | agreement._asdict()


def _concatenated(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _frame(rows: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """In the schema's columns and types, as `tables.read` would give it."""
    if rows.empty:
        return tables.empty(schema)
    table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    return tables.to_pandas(table)
