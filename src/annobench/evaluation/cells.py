"""One cell of a study as `evaluate` sees it, and its own metrics."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation import agreement, filters
from annobench.evaluation.agreement import Agreement, Known, Truth
from annobench.evaluation.distributions import uniform
from annobench.evaluation.preferences import aligned
from annobench.evaluation.samples import Asked, Said

OK = "ok"


@dataclass(frozen=True)
class CellResult:
    """What a cell left behind.

    `noise` and `seed` are None where the cell does not depend on them. The frames are those of
    `tables` (PREDICTIONS, TARGETS, ANNOTATORS, HISTORY), None where there is none. The rest is the
    run record's.
    """

    dataset: str
    model: str
    method: str
    noise: str | None
    seed: int | None
    status: str
    reason: str | None = None
    predictions: pd.DataFrame | None = None
    targets: pd.DataFrame | None = None
    annotators: pd.DataFrame | None = None
    history: pd.DataFrame | None = None
    train_seconds: float | None = None
    total_seconds: float | None = None
    items_per_second: float | None = None
    peak_memory_bytes: int | None = None
    parameters: int | None = None
    trained_parameters: int | None = None
    settings: str | None = None
    rollouts_per_second: float | None = None
    rollout_share: float | None = None

    @property
    def key(self) -> dict[str, Any]:
        """The cell columns of every study table."""
        return {
            "dataset": self.dataset,
            "model": self.model,
            "method": self.method,
            "noise": self.noise,
            "seed": self.seed,
        }

    def __str__(self) -> str:
        return " ".join(f"{axis}={name}" for axis, name in self.key.items() if name is not None)


def said(cell: CellResult, items: Asked) -> Said:
    """Predictions in the order of `items`.

    Raises:
        AnnobenchError: an item has no prediction, two, or one that is not a distribution over its
            options.
    """
    if cell.predictions is None:
        raise AnnobenchError(f"{cell}: found status {OK!r} without predictions; allowed: with them")
    place = {name: row for row, name in enumerate(tables.texts(cell.predictions["item"]))}
    if len(place) < len(cell.predictions):
        raise AnnobenchError(f"{cell}: an item's prediction found twice; allowed: once")
    rows = np.array([place.get(name, -1) for name in items.item], dtype=np.int64)
    if (rows < 0).any():
        missing = items.item[rows < 0]
        raise AnnobenchError(f"{cell}: no prediction found for test item {missing[0]!r}")
    if items.free_text:
        texts: np.ndarray = cell.predictions["text"].to_numpy(object)[rows]
        texts[pd.isna(texts)] = None
        return Said(texts, None, cell.annotators)
    probabilities = _distributions(cell, cell.predictions["probabilities"].iloc[rows], items)
    if items.pairs:
        return Said(probabilities, None, cell.annotators, aligned(cell.predictions.iloc[rows]))
    if "text" not in cell.predictions or cell.predictions["text"].isna().all():
        return Said(probabilities, None, cell.annotators)
    found = cell.predictions.reindex(columns=["text", "verbal"]).iloc[rows]
    return Said(probabilities, _written(cell, found, items), cell.annotators)


def _written(cell: CellResult, found: pd.DataFrame, items: Asked) -> np.ndarray | None:
    """`Said.verbal` of predictions in the order of `items`."""
    asked = found["text"].notna().to_numpy()
    if not asked.any():
        return None
    even = uniform(items.options, int(items.options.max()))
    out = np.where(asked[:, None], even, np.nan)
    read = asked & found["verbal"].notna().to_numpy()
    if read.any():
        some = Asked(items.item[read], items.options[read])
        shares = _distributions(cell, found.loc[read, "verbal"], some)
        out[read] = 0.0
        out[read, : shares.shape[-1]] = shares
    return out


def _distributions(cell: CellResult, column: pd.Series, items: Asked) -> np.ndarray:
    """[n, K] of a column of lists, one for each of the items."""
    flat, begin = tables.numbers(column)
    lengths = np.diff(begin, append=len(flat))
    width = int(items.options.max())
    if (lengths != items.options).any():
        at = int(np.argmax(lengths != items.options))
        raise AnnobenchError(
            f"{cell}: test item {items.item[at]!r}: found {lengths[at]} probabilities; "
            f"allowed: {items.options[at]}, one per option"
        )
    whole = (lengths == width).all()
    out = flat.reshape(-1, width) if whole else tables.stack(column, width)
    bad = ~((out >= 0).all(-1) & (np.abs(out.sum(-1) - 1) < 1e-3))
    if bad.any():
        raise AnnobenchError(
            f"{cell}: test item {items.item[bad][0]!r}: found {out[bad][0].tolist()}; "
            "allowed: probabilities that sum to 1"
        )
    return out


def agreements(cell: CellResult, known: Known, truth: Truth) -> dict[str, Agreement]:
    """Target accuracy, expertise Spearman, unread answers, unparsed distributions and, of pairs of
    responses, how well users were known and filtered; where the cell has what they need.

    With several tasks there is one `<metric>` over all of them and one `<metric>:<task>` for each.
    """
    found: dict[str, dict[str, Agreement]] = {}
    if cell.targets is not None:
        found[agreement.TARGET_ACCURACY] = agreement.target_accuracy(cell.targets, known)
    if cell.annotators is not None:
        found[agreement.EXPERTISE_SPEARMAN] = agreement.expertise_spearman(cell.annotators, truth)
    named = {
        name: value
        for metric, by_task in found.items()
        if by_task
        for name, value in _named(metric, by_task).items()
    }
    unread = None if cell.targets is None else agreement.unread_answers(cell.targets)
    if unread is not None:
        named[agreement.UNREAD_ANSWERS] = unread
    if known.pairs:
        return named | filters.measures(cell.targets, cell.annotators, truth.table)
    if cell.predictions is not None:
        unparsed = agreement.unparsed(cell.predictions, known.items)
        if unparsed is not None:
            named[agreement.UNPARSED] = unparsed
    return named


def _named(metric: str, by_task: dict[str, Agreement]) -> dict[str, Agreement]:
    whole = {metric: agreement.over_tasks(by_task)}
    if len(by_task) == 1:
        return whole
    return whole | {f"{metric}:{task}": value for task, value in by_task.items()}
