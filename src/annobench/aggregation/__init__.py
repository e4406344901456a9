"""Label aggregation: annotations in, one posterior per item out.

A file `<kind>.py` defines

    def posterior(annotations: pd.DataFrame, options: pd.Series) -> pd.DataFrame
        annotations: `tables.ANNOTATIONS`; options: number of options, indexed by item
        returns columns item and distribution (a list of one probability per option), one row for
        each annotated item, sorted by item

from `count` and `Votes.posterior` below. The classes are option positions: option 2 of one item and
option 2 of another are the same class. Nothing depends on the order of the annotations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from annobench.errors import AnnobenchError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True)
class Votes:
    """N annotations of I items as numbers, ordered by item, annotator and label."""

    names: pd.Index
    """[I]: the annotated items, sorted."""
    options: npt.NDArray[np.int64]
    """[I]: number of options of each item."""
    item: npt.NDArray[np.int64]
    """[N]: counts `names`."""
    annotator: npt.NDArray[np.int64]
    """[N]: counts the sorted annotators; -1 for no one."""
    label: npt.NDArray[np.int64]
    """[N]: the position of an option."""

    @cached_property
    def shares(self) -> npt.NDArray[np.float64]:
        """[I, K]: the share of an item's votes that each option got."""
        import numpy as np

        K = int(self.options.max(initial=0))
        cells = self.item * K + self.label
        counts = np.bincount(cells, minlength=len(self.names) * K).reshape(len(self.names), K)
        shares: npt.NDArray[np.float64] = counts / counts.sum(1, keepdims=True)
        return shares

    def posterior(self, p: npt.NDArray[np.float64]) -> pd.DataFrame:
        """[I, K] as the table that a kind returns.

        Each row is cut to its item's own options and scaled to sum to 1.
        """
        import numpy as np
        import pandas as pd

        own = np.where(np.arange(p.shape[1]) < self.options[:, None], p, 0.0)
        own /= own.sum(1, keepdims=True)
        rows = [row[:width] for row, width in zip(own.tolist(), self.options, strict=True)]
        return pd.DataFrame({"item": self.names, "distribution": pd.Series(rows, dtype=object)})


def count(annotations: pd.DataFrame, options: pd.Series[int], signed: str | None = None) -> Votes:
    """Check annotations and number them; `signed` names the kind that needs all annotators.

    Raises:
        AnnobenchError: a label is not one of its item's options, or it has no annotator.
    """
    import numpy as np
    import pandas as pd

    unsigned = int(annotations["annotator"].isna().sum())
    if signed and unsigned:
        raise AnnobenchError(
            f"{signed}: found {unsigned} of {len(annotations)} annotations without an"
            " annotator; allowed: annotations that all name theirs"
        )
    names = pd.Index(annotations["item"].unique()).sort_values()
    item = names.get_indexer(pd.Index(annotations["item"])).astype(np.int64)
    annotator = pd.factorize(annotations["annotator"], sort=True)[0].astype(np.int64)
    label = annotations["label"].to_numpy(np.int64)
    K = np.asarray(options.reindex(names, fill_value=0), dtype=np.int64)
    outside = np.flatnonzero((label < 0) | (label >= K[item]))
    if outside.size:
        row = outside[0]
        raise AnnobenchError(
            f"item {names[item[row]]!r}: found label {label[row]}; allowed: 0 and up, below the"
            f" item's number of options, {K[item[row]]}"
        )
    order = np.lexsort((label, annotator, item))
    return Votes(names, K, item[order], annotator[order], label[order])
