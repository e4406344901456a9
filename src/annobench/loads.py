"""Who labels which item: balanced loads, or skewed ones where few annotators give most labels.

All of it is our reconstruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Int: TypeAlias = npt.NDArray[np.int64]
    Real: TypeAlias = npt.NDArray[np.float64]


def assign(
    items: int, labels_per_item: int, annotators: int, rng: np.random.Generator, skew: float = 0.0
) -> Int:
    """Who labels what: annotators' positions, [items, labels_per_item], all different in a row.

    Without skew every set of annotators is equally likely for an item, and the loads of any two
    annotators differ by one label at most. With skew an item's annotators are picked one after
    another, each with probability proportional to (r + 1)^-skew among those not picked yet.
    """
    if skew:
        return rng.permutation(annotators)[_ranks(items, labels_per_item, annotators, rng, skew)]
    return _balanced(items, labels_per_item, annotators, rng)


def _balanced(items: int, labels_per_item: int, annotators: int, rng: np.random.Generator) -> Int:
    """Items are dealt with in blocks that use all annotators equally often: each block walks round
    its own random circle of annotators."""
    import numpy as np

    block = annotators // np.gcd(annotators, labels_per_item)
    circles = np.tile(np.arange(annotators), (-(-items // block), 1))
    circles = rng.permuted(circles, axis=1)
    item = np.arange(items)[:, None]
    place = (item % block * labels_per_item + np.arange(labels_per_item)) % annotators
    chosen: Int = circles[item // block, place]
    return chosen


def _ranks(
    items: int, labels_per_item: int, annotators: int, rng: np.random.Generator, skew: float
) -> Int:
    """Ranks picked one after another without replacement, [items, labels_per_item].

    Who has been picked already is drawn again. That takes few rounds, since the heaviest ranks are
    left out of the draw once they are all picked: then the next one is the heaviest of all, and a
    draw is new with probability 1 / labels_per_item or more.
    """
    import numpy as np

    # mass[i]: the weight of the i + 1 lightest ranks, summed from the lightest so as to be exact
    mass = (np.arange(annotators, 0, -1.0) ** -skew).cumsum()
    chosen = np.empty((items, labels_per_item), dtype=np.int64)
    for place in range(labels_per_item):
        before = chosen[:, :place]
        heaviest = (np.sort(before, axis=1) == np.arange(place)).sum(axis=1)
        todo = np.arange(items)
        while len(todo):
            point = rng.random(len(todo)) * mass[annotators - 1 - heaviest[todo]]
            drawn = annotators - 1 - np.searchsorted(mass, point)
            chosen[todo, place] = drawn
            todo = todo[(before[todo] == drawn[:, None]).any(axis=1)]
    return chosen


def falling(annotators: int, mean: int, least: int, most: int, skew: float) -> Int:
    """How many labels each annotator gives, by rank r = 0, 1, ...: proportional to (r + 1)^-skew
    between `least` and `most`, rounded so that the mean is exact; least <= mean <= most."""
    import numpy as np
    from scipy.optimize import brentq

    weight = np.arange(1.0, annotators + 1) ** -skew
    total = annotators * mean

    def loads(factor: float) -> Real:
        return (factor * weight).clip(least, most)

    factor = brentq(lambda f: loads(f).sum() - total, 0, most / weight[-1], maxiter=10_000)
    exact = loads(factor)
    whole = np.floor(exact + 1e-9).astype(np.int64)
    whole[np.argsort(whole - exact, kind="stable")[: total - whole.sum()]] += 1
    return whole


def deal(loads: Int, items: int, rng: np.random.Generator) -> Int:
    """Items for each annotator in turn, as many as its load says: positions, [sum of loads].

    All different for one annotator, and in random order. Items are used evenly: two of them differ
    by one label at most, since each is dealt once before any is dealt again.
    """
    import numpy as np

    dealt = []
    left = np.empty(0, dtype=np.int64)
    for load in loads.tolist():
        own, left = left[:load], left[load:]
        if len(own) < load:
            again = rng.permutation(items)
            more = again[~np.isin(again, own)][: load - len(own)]
            own, left = np.concatenate([own, more]), again[~np.isin(again, more)]
        dealt.append(own)
    return np.concatenate(dealt)
