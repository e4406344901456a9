"""MACE: each annotator knows the answer or spams, by a habit of their own.

    P(annotator a says l | the truth is k) = spam_a habit_a[l] + know_a 1[k = l]

D. Hovy et al., Learning Whom to Trust with MACE, NAACL 2013: variational EM from random starts, of
which the likeliest end is kept; priors, starts and number of iterations are crowd-kit 1.4.2's,
and one run from one start is too, to rounding. The starts are drawn from one named stream, so that
the same annotations have the same posterior.

crowd-kit itself is not used for two faults: every restart draws the same start, and it numbers
annotators and labels as they first appear but reads their habits back in sorted order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.aggregation import Votes, count

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Reals = npt.NDArray[np.float64]

STARTS = 10
ITERATIONS = 50
KNOWING_PRIOR = 0.5
"""Of the Beta over spamming and knowing, both sides."""
HABIT_PRIOR = 10.0
"""Of the Dirichlet over an annotator's habit, for each label."""


def posterior(annotations: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """See `annobench.aggregation`.

    Raises:
        AnnobenchError: a label has no annotator, or is not one of its item's options.
    """
    from annobench.seeds import generator

    votes = count(annotations, options, signed="mace")
    if not len(votes.names):
        return votes.posterior(votes.shares)
    rng = generator("mace")
    runs = [_run(votes, *_start(votes, rng)) for _ in range(STARTS)]
    return votes.posterior(max(runs, key=lambda run: run[0])[1])


def _start(votes: Votes, rng: np.random.Generator) -> tuple[Reals, Reals]:
    """spam and know [annotators, 2], habit [annotators, labels that occur], rows sum to 1."""
    annotators = int(votes.annotator.max()) + 1
    classes = int(votes.shares.any(0).sum())
    knowing, habit = (rng.uniform(1, 2.5, (annotators, n)) for n in (2, classes))
    return knowing / knowing.sum(1, keepdims=True), habit / habit.sum(1, keepdims=True)


def _run(votes: Votes, knowing: Reals, habit: Reals) -> tuple[float, Reals]:
    """log-likelihood, and posterior [I, K]; a class that nobody ever chose has probability 0."""
    import numpy as np

    chosen = np.asarray(votes.shares.any(0))
    classes = int(chosen.sum())
    label = (chosen.cumsum() - 1)[votes.label]
    said = votes.annotator * classes + label
    voted = votes.item * classes + label
    items, annotators = len(votes.names), len(knowing)

    for step in range(ITERATIONS + 1):
        guess = knowing[votes.annotator, 0] * habit.ravel()[said]
        right = guess + knowing[votes.annotator, 1]
        joint = _totals(voted, np.log(right / guess), (items, classes))
        joint += np.bincount(votes.item, np.log(guess), items)[:, None]
        top = joint.max(1, keepdims=True)
        T = np.exp(joint - top)
        evidence = T.sum(1, keepdims=True)
        T /= evidence
        if step == ITERATIONS:
            break
        knew: Reals = T.ravel()[voted] * knowing[votes.annotator, 1] / right
        spammed = _totals(said, 1 - knew, (annotators, classes))
        known = np.bincount(votes.annotator, knew, annotators)
        knowing = _variational(np.stack([spammed.sum(1), known], 1) + KNOWING_PRIOR)
        habit = _variational(spammed + HABIT_PRIOR)
    out = np.zeros((items, len(chosen)))
    out[:, chosen] = T
    return float((top + np.log(evidence)).sum()), out


def _totals(cell: npt.NDArray[np.int64], amount: Reals, shape: tuple[int, int]) -> Reals:
    """The sum of the amounts that fall into each cell, cells counted row by row."""
    import numpy as np

    totals: Reals = np.bincount(cell, amount, shape[0] * shape[1]).astype(float).reshape(shape)
    return totals


def _variational(counts: Reals) -> Reals:
    """exp E[log share] of each row's Dirichlet; rows sum to less than 1."""
    import numpy as np
    from scipy.special import digamma

    shares: Reals = np.exp(digamma(counts) - digamma(counts.sum(1, keepdims=True)))
    return shares
