"""Means over seeds with their intervals, paired differences and shared ranks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from annobench import seeds
from annobench.evaluation import agreement
from annobench.evaluation.agreement import Agreement
from annobench.evaluation.intervals import (
    LEVEL,
    Interval,
    Score,
    adjusted,
    centred,
    interval,
    p_value,
    resample_items,
    resample_seeds,
    seed_counts,
)
from annobench.evaluation.measures import directions, optional
from annobench.evaluation.ranking import LEVEL as SIGNIFICANCE
from annobench.evaluation.ranking import shared_ranks
from annobench.evaluation.samples import Sample

NO_NOISE = "(none)"
"""The noise of a summary of cells none of which depends on noise. No study can use this name."""

_PLACE = ["dataset", "model", "noise", "metric"]
Draws = dict[int | None, np.ndarray]
"""Seed -> draws [1 + resamples] of a metric, of the seeds that are ok."""


@dataclass(frozen=True)
class Scored:
    """What comparing needs of a cell."""

    key: dict[str, Any]
    status: str
    reason: str | None
    scores: Sequence[Mapping[str, Score]]
    """For each sample of the block its measures; none where the cell is not ok."""
    agreements: Mapping[str, Agreement]

    @property
    def arm(self) -> tuple[str, str | None]:
        """Cells of one arm differ in their seed only."""
        return self.key["method"], self.key["noise"]

    @property
    def name(self) -> tuple[str, str | None, int | None]:
        """Unique within the block."""
        return *self.arm, self.key["seed"]

    def meets(self, sample: Sample) -> bool:
        """Whether it is measured on the sample: not if the two depend on different noises."""
        return sample.noise is None or self.key["noise"] in (sample.noise, None)


@dataclass(frozen=True)
class Block:
    """The cells of one (data set, model), which share their samples of test items."""

    dataset: str
    model: str
    samples: Sequence[Sample]
    cells: list[Scored]

    def arms(self, noises: Sequence[str]) -> dict[str, dict[str, list[Scored]]]:
        """noise -> method -> one cell per seed. Cells without noise come under every noise."""
        found: dict[str, dict[str, list[Scored]]] = {n: {} for n in noises or [NO_NOISE]}
        for cell in self.cells:
            for noise in found:
                if cell.key["noise"] in (noise, None):
                    found[noise].setdefault(cell.key["method"], []).append(cell)
        return found

    def agreement_names(self) -> dict[tuple[str, str | None], list[str]]:
        """Arm -> the agreements that any of its seeds has."""
        found: dict[tuple[str, str | None], dict[str, None]] = {}
        for cell in self.cells:
            found.setdefault(cell.arm, {}).update(dict.fromkeys(cell.agreements))
        return {arm: list(names) for arm, names in found.items()}


def owed(measure: str, number: int, cells: Sequence[Scored]) -> bool:
    """Whether cells that differ in their seed only have rows for a measure of a sample: always,
    unless it is optional and none of them has it."""
    return not optional(measure) or any(measure in cell.scores[number] for cell in cells)


def summarize(
    block: Block, noises: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of tables SUMMARY and COMPARISONS, without what the rest of the study decides.

    Item metrics have crossed bootstrap intervals (`intervals`), and unless they are of a part of
    the items, pairs. A cell on whose items a metric is not defined is missing from the metric's
    mean. Agreements have a t interval over seeds, cut to the range of the measure; they rest on no
    test items.

    Args:
        noises: that any cell of the data set depends on. A model none of whose cells does stands
            under each of them.
    """
    means: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    drawn = [_draws(block, number) for number in range(len(block.samples))]
    for noise, arms in block.arms(noises).items():
        place = {"dataset": block.dataset, "model": block.model, "noise": noise}
        for number, (sample, draws) in enumerate(zip(block.samples, drawn, strict=True)):
            if sample.noise not in (noise, None):
                continue
            for metric, by_cell in draws.items():
                here = place | {"metric": metric, "items": len(sample.at)}
                by_method = {
                    method: {c.key["seed"]: by_cell[c.name] for c in cells if c.name in by_cell}
                    for method, cells in arms.items()
                    if owed(metric, number, cells)
                }
                means += [
                    here | {"method": method, "seeds_planned": len(arms[method])} | _mean(found)
                    for method, found in by_method.items()
                ]
                if sample.compared:
                    pairs += [here | pair for pair in _pairs(by_method)]
        means += [place | row for method in arms for row in _agreement_means(arms[method])]
    return means, pairs


def compared(
    means: list[dict[str, Any]], pairs: list[dict[str, Any]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables SUMMARY and COMPARISONS from the rows of all blocks.

    p values are adjusted over all pairs of a metric in the study. Methods have ranks by item
    metrics of all items, not by agreements.
    """
    summary, comparisons = pd.DataFrame(means), pd.DataFrame(pairs)
    if not comparisons.empty:
        family = comparisons.groupby("metric")["p"]
        comparisons["p_adjusted"] = family.transform(lambda p: adjusted(p.to_numpy()))
    if not summary.empty:
        summary["rank"] = _ranks(summary, comparisons)
    return summary, comparisons


def _draws(
    block: Block, number: int
) -> dict[str, dict[tuple[str, str | None, int | None], np.ndarray]]:
    """Of one sample: metric -> name of a cell in which it is defined -> draws [1 + resamples].

    Models share the resampled items.
    """
    sample = block.samples[number]
    found = {
        (measure, cell.name): score
        for cell in block.cells
        if cell.meets(sample)
        for measure, score in cell.scores[number].items()
    }
    rng = seeds.generator("item-resamples", block.dataset, *sample.stream)
    draws = resample_items(list(found.values()), len(sample.at), rng)
    by_metric: dict[str, dict[tuple[str, str | None, int | None], np.ndarray]] = {
        measure: {} for measure in sample.measures
    }
    for (measure, name), row in zip(found, draws, strict=True):
        if not np.isnan(row[0]):
            by_metric[measure][name] = row
    return by_metric


def _over_seeds(draws: Draws) -> np.ndarray:
    """The same set of seeds is always resampled in the same way, so methods are paired."""
    names = sorted(draws, key=str)
    stacked = np.stack([draws[name] for name in names])
    return resample_seeds(stacked, _counts(tuple(map(str, names)), stacked.shape[1]))


@cache
def _counts(names: tuple[str, ...], columns: int) -> np.ndarray:
    return seed_counts(len(names), columns, seeds.generator("seed-resamples", *names))


def _mean(draws: Draws) -> dict[str, Any]:
    found = interval(centred(_over_seeds(draws))) if draws else _NOTHING
    return {"seeds": len(draws)} | found._asdict()


_NOTHING = Interval(np.nan, np.nan, np.nan)


def _pairs(by_method: Mapping[str, Draws]) -> list[dict[str, Any]]:
    """One row per pair of methods that have a seed in common, in the order of the study."""
    rows = []
    for method, other in combinations(by_method, 2):
        differences = _differences(by_method[method], by_method[other])
        if differences:
            draws = _over_seeds(differences)
            found = interval(draws)
            rows.append(
                {
                    "method": method,
                    "other": other,
                    "seeds": len(differences),
                    "difference": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "p": p_value(draws),
                }
            )
    return rows


def _differences(mine: Draws, theirs: Draws) -> Draws:
    """Paired by seed; a cell without seed meets every seed of the other method."""
    if None in theirs:
        return {seed: draws - theirs[None] for seed, draws in mine.items()}
    if None in mine:
        return {seed: mine[None] - draws for seed, draws in theirs.items()}
    return {seed: draws - theirs[seed] for seed, draws in mine.items() if seed in theirs}


def _agreement_means(cells: Sequence[Scored]) -> list[dict[str, Any]]:
    rows = []
    for metric in dict.fromkeys(name for cell in cells for name in cell.agreements):
        found = [cell.agreements[metric].value for cell in cells if metric in cell.agreements]
        values = np.array([value for value in found if value is not None])
        lowest = -1.0 if metric.startswith(agreement.EXPERTISE_SPEARMAN) else 0.0
        rows.append(
            {
                "method": cells[0].key["method"],
                "metric": metric,
                "seeds": len(values),
                "seeds_planned": len(cells),
                "items": 0,
            }
            | t_interval(values, lowest, 1.0)._asdict()
        )
    return rows


def t_interval(values: np.ndarray, lowest: float, highest: float) -> Interval:
    """Mean and 95 % t interval of [seeds] values, cut to what they can be.

    Without values the mean, and with fewer than two the interval, is NaN.
    """
    from scipy.stats import t

    if len(values) == 0:
        return _NOTHING
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, np.nan, np.nan)
    reach = t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(mean, float(max(mean - reach, lowest)), float(min(mean + reach, highest)))


def _ranks(summary: pd.DataFrame, comparisons: pd.DataFrame) -> pd.Series:
    """Shared ranks within (dataset, model, noise, metric); null for agreements, parts of
    the items and holes."""
    apart: dict[tuple[str, ...], set[frozenset[str]]] = {}
    if not comparisons.empty:
        told = comparisons[comparisons["p_adjusted"] < SIGNIFICANCE]
        for *here, method, other in told[[*_PLACE, "method", "other"]].to_numpy(str).tolist():
            apart.setdefault(tuple(here), set()).add(frozenset((method, other)))
    ranks = pd.Series(pd.NA, index=summary.index, dtype="Int64")
    for kind, higher_is_better in directions().items():
        ranked = summary[(summary["metric"] == kind) & summary["mean"].notna()]
        for place, rows in ranked.groupby(_PLACE, sort=False):
            means = dict(zip(rows["method"], rows["mean"], strict=True))
            pairs = apart.get(tuple(map(str, place)), set())
            found = shared_ranks(means, pairs, higher_is_better)
            ranks[rows.index] = rows["method"].map(found).astype("Int64")
    return ranks
