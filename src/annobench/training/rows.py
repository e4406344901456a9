"""Target rows of a batch of items, as tensors."""

from dataclasses import dataclass

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

    def select(self, items: np.ndarray) -> "Rows":
        """The rows of these items, renumbered in the order of `items` [n]."""
        place = torch.full((int(self.item.max()) + 1,), -1)
        place[torch.from_numpy(items)] = torch.arange(len(items))
        chosen = (place[self.item] >= 0).nonzero().squeeze(1)
        picked = {name: value[chosen] for name, value in vars(self).items()}
        return Rows(**picked | {"item": place[picked["item"]]})

    def to(self, device: torch.device) -> "Rows":
        return Rows(**{name: value.to(device) for name, value in vars(self).items()})


def rows_of(
    targets: pd.DataFrame, items: pd.DataFrame, annotators: list[str], tasks: list[str]
) -> Rows:
    """The kept rows of `tables.TARGETS`, numbered by `tables.ITEMS` and these lists.

    Raises:
        ValueError: no row is kept.
    """
    kept = targets[targets["kept"]]
    if kept.empty:
        raise ValueError(f"none of {len(targets)} target rows is kept: nothing to learn from")
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
