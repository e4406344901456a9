"""Splits of a user's own data, drawn at random: so many items, or such a share of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, NonNegativeFloat

if TYPE_CHECKING:
    import numpy as np

DEFAULTS = {"test": 0.2, "validation": 0.0}


def _share_or_number(size: float) -> float:
    if size > 1 and size != int(size):
        raise ValueError(f"found {size}; allowed: a share below 1, or a whole number")
    return size


Size = Annotated[NonNegativeFloat, AfterValidator(_share_or_number)] | None
"""A share below 1, or a number; None for the default."""


def drawn(name: str, count: int, test: float | None, validation: float | None) -> np.ndarray:
    """The split of each of `count` things, which their order and the data set's name decide."""
    import numpy as np

    from annobench.seeds import generator

    order = generator("split", name).permutation(count)
    splits = np.full(count, "train", dtype=object)
    taken = 0
    for split, given in {"test": test, "validation": validation}.items():
        size = DEFAULTS[split] if given is None else given
        number = round(size * count) if size < 1 else int(size)
        splits[order[taken : taken + number]] = split
        taken += number
    return splits
