"""Target rows of a batch of items, as tensors."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from annobench.tables import stack


@dataclass(frozen=True)
class Rows:
    """N target rows over items with at most K options."""

    item: Tensor
    """[N] long: which item of the batch."""
    distribution: Tensor
    """[N, K]: target probability of each option, 0 beyond the item's options."""
    weight: Tensor
    """[N]: how much the row counts."""
    annotator: Tensor
    """[N] long: who gave the label, counted over the sorted annotators; -1 for no one."""
    options: Tensor
    """[N]: number of options of the row's item."""
    task: Tensor
    """[N] long: the task of the row's item, counted over the sorted tasks."""

    def expected_log_p(self, log_p: Tensor) -> Tensor:
        """log p of each row's item, averaged over its target distribution: [N, K] -> [N]."""
        return (self.distribution * log_p.masked_fill(self.distribution == 0, 0)).sum(-1)

    @cached_property
    def _by_item(self) -> tuple[Tensor, Tensor]:
        """Row numbers ordered by item, and where each item's begin and the last one's end."""
        order = self.item.argsort(stable=True)
        return order, torch.searchsorted(self.item[order], torch.arange(int(self.item.max()) + 2))

    def select(self, items: np.ndarray) -> "Rows":
        """The rows of these items, renumbered in the order of `items` [n]; in time of their own."""
        order, starts = self._by_item
        chosen = torch.from_numpy(items)
        counts = starts[chosen + 1] - starts[chosen]
        number = torch.arange(len(items)).repeat_interleave(counts)
        within = torch.arange(len(number)) - (counts.cumsum(0) - counts)[number]
        rows, place = order[starts[chosen][number] + within].sort()
        picked = {name: value[rows] for name, value in self._columns().items()}
        return Rows(**picked | {"item": number[place]})

    def to(self, device: torch.device) -> "Rows":
        return Rows(**{name: value.to(device) for name, value in self._columns().items()})

    def _columns(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def kept_rows(targets: pd.DataFrame) -> pd.DataFrame:
    """The rows of `tables.TARGETS` that are learned from.

    Raises:
        ValueError: there is none.
    """
    kept = targets[targets["kept"]]
    if kept.empty:
        raise ValueError(f"none of {len(targets)} target rows is kept: nothing to learn from")
    return kept


def rows_of(
    targets: pd.DataFrame, items: pd.DataFrame, annotators: list[str], tasks: list[str]
) -> Rows:
    """The kept rows of `tables.TARGETS`, numbered by `tables.ITEMS` and these lists.

    Raises:
        ValueError: no row is kept.
    """
    kept = kept_rows(targets)
    lengths = kept["distribution"].map(len).to_numpy()
    distribution = stack(kept["distribution"], int(lengths.max()))
    item = pd.Index(items["item"]).get_indexer(pd.Index(kept["item"]))
    annotator = pd.Index(annotators, dtype=object).get_indexer(pd.Index(kept["annotator"]))
    task = pd.Index(tasks).get_indexer(pd.Index(items["task"]))[item]
    return Rows(
        torch.tensor(item),
        torch.tensor(distribution, dtype=torch.float32),
        torch.tensor(kept["weight"].to_numpy(np.float32)),
        torch.tensor(annotator),
        torch.tensor(lengths, dtype=torch.float32),
        torch.tensor(task),
    )
