"""Dawid-Skene: EM over true labels and one confusion matrix per annotator.

    T[i, k]        probability that item i is of class k, at first its share of the votes
    prior[k]       = mean over i of T[i, k]
    error[a, l, k] = P(annotator a says l | the truth is k), from the counts weighted by T
    T[i, k]        ~ prior[k] * product over the labels (a, l) of item i of error[a, l, k]

A. P. Dawid and A. M. Skene, Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm, Applied Statistics 28(1), 1979. Start, floor and stopping rule are crowd-kit 1.4.2's, and
so is the posterior, to rounding: like it, this counts the prior once for each label, and not once
for each item, in the bound that it watches. Nothing is drawn.

Both steps are products with one sparse matrix: items x the (annotator, label) pairs that occur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annobench.aggregation import Votes, count

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Reals = npt.NDArray[np.float64]

ITERATIONS = 100
TOLERANCE = 1e-5
"""Of the bound per label, in nats: EM stops when it rises by less."""
FLOOR = 1e-10
"""The least probability of an observed label, and of a class."""


def posterior(annotations: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """See `annobench.aggregation`.

    Raises:
        AnnobenchError: a label has no annotator, or is not one of its item's options.
    """
    votes = count(annotations, options, signed="dawid-skene")
    return votes.posterior(_expectation_maximisation(votes) if len(votes.names) else votes.shares)


def _expectation_maximisation(votes: Votes) -> Reals:
    """T: [I, K]; a class that nobody ever chose has probability 0."""
    import numpy as np
    from scipy.sparse import csr_array

    K = votes.shares.shape[1]
    pairs, pair = np.unique(votes.annotator * K + votes.label, return_inverse=True)
    shape = len(votes.names), len(pairs)
    labels = csr_array((np.ones(len(pair)), (votes.item, pair)), shape=shape)
    by_pair = labels.T.tocsr()
    owner = pairs // K
    per_item = np.bincount(votes.item)

    chosen = votes.shares.any(0)
    T = votes.shares[:, chosen]
    likelihood, log_prior = _log_parameters(labels, by_pair, owner, T)
    bound = -np.inf
    for _ in range(ITERATIONS):
        joint = likelihood + log_prior
        T = np.exp(joint - joint.max(1, keepdims=True))
        T /= T.sum(1, keepdims=True)
        likelihood, log_prior = _log_parameters(labels, by_pair, owner, T)
        floored = T.clip(FLOOR)
        expected = (T * (likelihood + per_item[:, None] * log_prior)).sum()
        before, bound = bound, (expected - (floored * np.log(floored)).sum()) / len(pair)
        if bound - before < TOLERANCE:
            break
    out = np.zeros((len(T), K))
    out[:, chosen] = T
    return out


def _log_parameters(
    labels: Any, by_pair: Any, owner: npt.NDArray[np.int64], posterior: Reals
) -> tuple[Reals, Reals]:
    """log of the likelihood [I, classes] of each item's labels, and of the prior [classes]."""
    import numpy as np

    error = (by_pair @ posterior).clip(FLOOR)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    totals = np.add.reduceat(error, starts)
    error /= np.repeat(totals, np.diff(starts, append=len(owner)), axis=0)
    return labels @ np.log(error), np.log(posterior.mean(0).clip(FLOOR))
