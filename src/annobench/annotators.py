"""What the trained model says of each annotator: an interval, a test, an agreement.

Everything is read from the likelihood of the labels that an annotator gave, with the trained model
held fixed (our reconstruction):

    q(y|x,a) = beta p(y|x) + (1 - beta) / K,    0 <= beta <= 1

- `low`, `high`: the 95 % likelihood interval of beta, 2 (l(best) - l(beta)) <= 3.84.
- `guessing`: whether beta = 0, a uniform guess, is not rejected at 0.05 by the likelihood-ratio
  test, after Benjamini and Hochberg's correction over all annotators of the cell. beta = 0 is on
  the boundary, so the statistic is 0 half the time and chi-squared with one degree otherwise
  (Self and Liang 1987).
- `agreement`: how often the label is the model's first choice, each label weighted by its
  responsibility beta p / q under the method's own expertise (cut to 0 to 1).

The model was trained on the same labels, so it agrees with the annotators better than it would with
new ones: intervals lie somewhat high, and the test finds a guesser somewhat too seldom. A method's
own expertise can lie outside the interval: it is another measure (majority, dawid-skene), or it was
learned while the model still changed and has not converged. beta is known only up to a scale that
all annotators share, so the order of annotators means more than the value.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annobench import tables
from annobench.methods import Given

Reals = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EVERYONE = "everyone"
"""The one annotator of a method that learns a single expertise for all labels."""
LEVEL = 0.95
SIGNIFICANCE = 0.05
_HALVINGS = 40
"""An interval's ends are exact to 2^-40."""


@dataclass(frozen=True)
class Evidence:
    """What labels say of the beta of each of A annotators; NaN where one gave no label."""

    best: Reals
    """[A] the most likely beta."""
    low: Reals
    high: Reals
    p: Reals
    """[A] p value of beta = 0 against beta > 0, not adjusted."""


def evidence(
    p: Reals, options: Ints, annotator: Ints, annotators: int, often: Reals | float = 1.0
) -> Evidence:
    """From the model's probability p of each label [N], the item's K [N], who gave it [N] and how
    often [N]."""
    from scipy.stats import chi2

    # With u = K p - 1, log q = log(1 + beta u) - log K: concave in beta, and 0 at beta = 0.
    u = options * p - 1

    def over_labels(values: Reals) -> Reals:
        return np.bincount(annotator, often * values, annotators).astype(np.float64)

    def log_likelihood(beta: Reals) -> Reals:
        return over_labels(np.log1p(beta[annotator] * u))

    def rising(beta: Reals) -> Bools:
        return over_labels(u / (1 + beta[annotator] * u)) > 0

    nothing, all_of_it = np.zeros(annotators), np.ones(annotators)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = _bisected(nothing, all_of_it, rising)
        top = log_likelihood(best)
        reach = top - chi2.ppf(LEVEL, 1) / 2
        low = _bisected(nothing, best, lambda beta: log_likelihood(beta) < reach)
        high = _bisected(best, all_of_it, lambda beta: ~(log_likelihood(beta) < reach))
    likely = np.where(best > 0, chi2.sf(2 * top.clip(min=0), 1) / 2, 1.0)
    silent = np.bincount(annotator, minlength=annotators) == 0
    return Evidence(*(np.where(silent, np.nan, x) for x in (best, low, high, likely)))


def _bisected(left: Reals, right: Reals, goes_on: Callable[[Reals], Bools]) -> Reals:
    """Where a condition that holds to the left stops holding; an end if it always or never does."""
    low, high = left.copy(), right.copy()
    never, always = ~goes_on(left), goes_on(right)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        on = goes_on(middle)
        low, high = np.where(on, middle, low), np.where(on, high, middle)
    return np.where(never, left, np.where(always, right, (low + high) / 2))


def guessing(p: Reals) -> Bools:
    """Which of the p values [A] of beta = 0 are not significant among all of them."""
    from scipy.stats import false_discovery_control

    adjusted: Reals = false_discovery_control(p, method="bh") if len(p) else p
    return np.asarray(adjusted >= SIGNIFICANCE)


def agreement(p: Reals, options: Ints, first: Bools, annotator: Ints, expertise: Reals) -> Reals:
    """[A] share of labels that are the model's first choice, weighted by responsibility.

    `first` [N] says which labels are; the rest as in `evidence`, and the method's expertise [A].
    NaN where all responsibilities are 0.
    """
    beta = expertise.clip(0, 1)[annotator]
    with np.errstate(invalid="ignore"):
        r = np.nan_to_num(beta * p / (beta * p + (1 - beta) / options))
        sums = [np.bincount(annotator, weights, len(expertise)) for weights in (r * first, r)]
        return np.asarray(sums[0] / sums[1])


def table(
    expertise: pd.Series, given: Given, items: pd.DataFrame, probabilities: Reals
) -> pd.DataFrame:
    """`tables.ANNOTATORS`, one row for each entry of a method's `expertise`, in its order.

    The task is "all" where expertise is one number over several tasks. `probabilities` [items, K]
    are the trained model's, of `items` (`tables.ITEMS`). An only entry `EVERYONE` has all labels,
    signed or not.
    """
    labels = given.annotations
    assert labels is not None
    if expertise.index.tolist() == [EVERYONE]:
        labels = labels.assign(annotator=EVERYONE)
    labels = labels[labels["annotator"].notna()]
    row = pd.Index(items["item"]).get_indexer(pd.Index(labels["item"]))
    if isinstance(expertise.index, pd.MultiIndex):
        index = expertise.index.set_names(["annotator", "task"])
        who = index.get_indexer(
            pd.MultiIndex.from_arrays([labels["annotator"], items["task"].iloc[row]])
        )
        found = index.to_frame(index=False)
    else:
        who = expertise.index.get_indexer(pd.Index(labels["annotator"]))
        found = pd.DataFrame({"annotator": expertise.index})
        found["task"] = given.tasks[0] if len(given.tasks) == 1 else "all"
    known = who >= 0
    row, who, label = row[known], who[known], labels["label"].to_numpy(np.int64)[known]
    K = items["options"].map(len).to_numpy(np.int64)[row]
    p = probabilities[row, label]
    first = probabilities.argmax(1)[row] == label
    learned = expertise.to_numpy(float)
    said = evidence(p, K, who, len(found))
    heard = ~np.isnan(said.p)
    flags = np.full(len(found), None, dtype=object)
    flags[heard] = guessing(said.p[heard])
    return found.assign(
        expertise=learned,
        annotations=np.bincount(who, minlength=len(found)),
        low=said.low,
        high=said.high,
        agreement=agreement(p, K, first, who, learned),
        guessing=flags,
    )


def own_table(expertise: pd.DataFrame | None, given: Given) -> pd.DataFrame:
    """`tables.ANNOTATORS` of what a method learned from the labels alone: its columns expertise,
    low and high, indexed by annotator. No trained model is asked, so the rest is null; no rows of
    None."""
    if expertise is None:
        return tables.empty(tables.ANNOTATORS)
    assert given.annotations is not None
    labels = given.annotations["annotator"].value_counts()
    return expertise.reset_index(names="annotator").assign(
        task=given.tasks[0] if len(given.tasks) == 1 else "all",
        annotations=labels.reindex(expertise.index, fill_value=0).to_numpy(),
    )
