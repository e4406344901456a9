"""Bootstrap intervals over the two things a mean rests on: the seeds and the test items.

Seeds and items are crossed (every seed meets every item), so a resample draws both and keeps their
crossing: "pigeonhole bootstrap", Owen, The Annals of Applied Statistics 1 (2007). Items are drawn
N of N. Seeds are drawn S - 1 of S (Rao and Wu, JASA 83 (1988)): with the usual S of S, the seeds'
part of the variance would come out (S - 1)/S of what it is, a third too small for three seeds.

What it does not do: one seed shows no variance between seeds, so with S = 1 the interval is that of
the items alone; and with few seeds it cannot reach beyond the seeds that were run, so where seeds
differ more than items do, it covers less than it says (about 75 % for three seeds and no other
source of variance).

Draws are arrays [1 + resamples] whose first entry is the value of the study as it was run. A
resample on which a metric is not defined is NaN and left out, of a difference too.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
_CHUNK = 1 << 16
"""Item weights held at a time; small enough that they stay in the processor's cache."""


Score = Callable[[np.ndarray], np.ndarray]
"""A metric of one cell as a function of how often each item counts: [..., items] -> [...]."""


class Interval(NamedTuple):
    mean: float
    low: float
    high: float


def resample_items(
    scores: Sequence[Score],
    items: int,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """Every score on the same resampled items: draws [scores, 1 + resamples]."""
    draws = np.empty((len(scores), 1 + resamples))
    done = 0
    for weights in _item_weights(items, resamples, rng):
        for row, score in zip(draws, scores, strict=True):
            row[done : done + len(weights)] = score(weights)
        done += len(weights)
    return draws


def seed_counts(seeds: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """How often each resample draws each seed, [seeds, columns]; all ones come first."""
    if seeds == 1:
        return np.ones((1, columns))
    counts: np.ndarray = rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=columns).T
    counts[:, 0] = 1
    return counts


def resample_seeds(draws: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over resampled seeds: draws [seeds, 1 + resamples] and counts -> [1 + resamples].

    It is linear: given equal counts, the difference of two methods' means is the mean of their
    differences, and pairs of methods meet on the same seeds.
    """
    means: np.ndarray = (draws * counts).sum(0) / counts.sum(0)
    return means


def centred(draws: np.ndarray) -> np.ndarray:
    """Draws [1 + resamples] whose resamples are shifted to have the study's value as their mean.

    A resample has noise of its own, which ECE counts as miscalibration: its resamples lie above the
    study's value and could miss it altogether. Accuracy and NLL stay as they are but for chance.
    """
    shifted: np.ndarray = draws + (draws[0] - np.nanmean(draws[1:]))
    shifted[0] = draws[0]
    return shifted


def interval(draws: np.ndarray) -> Interval:
    """Point and 95 % percentile interval of draws [1 + resamples]."""
    resampled = draws[1:][~np.isnan(draws[1:])]
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(resampled, ends) if len(resampled) else (np.nan, np.nan)
    return Interval(float(draws[0]), float(low), float(high))


def p_value(draws: np.ndarray) -> float:
    """Two-sided bootstrap p of "no difference", from draws [1 + resamples] of a difference.

    Twice the smaller share of resamples on either side of 0 (a resample at 0 counts for both), with
    the + 1 that keeps it above 0 (Davison and Hinkley 1997, eq. 4.11); at most 1. Draws are taken
    uncentred, so p is below 0.05 where `interval` excludes 0.
    """
    resampled = draws[1:][~np.isnan(draws[1:])]
    fewer = min(np.count_nonzero(resampled <= 0), np.count_nonzero(resampled >= 0))
    return float(min(1.0, 2 * (fewer + 1) / (len(resampled) + 1)))


def adjusted(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p values of one family of comparisons, [comparisons]."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p, method="bh")) if len(p) else p


def _item_weights(items: int, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each resample draws each item, [some, items] at a time; all ones come first."""
    yield np.ones((1, items))
    step = max(1, _CHUNK // items)
    for done in range(0, resamples, step):
        size = min(step, resamples - done)
        yield rng.multinomial(items, np.full(items, 1 / items), size=size).astype(float)


def wilson(share: float, items: int) -> Interval:
    """A share of independent items with its 95 % score interval (Wilson, JASA 22 (1927))."""
    from scipy.stats import norm

    z = float(norm.ppf((1 + LEVEL) / 2))
    centre = (share + z**2 / (2 * items)) / (1 + z**2 / items)
    reach = z * np.sqrt(share * (1 - share) / items + (z / (2 * items)) ** 2) / (1 + z**2 / items)
    return Interval(share, float(centre - reach), float(centre + reach))
