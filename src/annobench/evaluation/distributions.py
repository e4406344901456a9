"""People's label distributions of test items, what is known of them, and what cells predicted."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from annobench import distances
from annobench.tables import stack

DRAWN = 50
"""`Human.drawn` goes up to so many labels."""
TERCILES = ("low-entropy", "middle-entropy", "high-entropy")
DIGITS = 12
"""Entropies equal to so many decimals tie: those of (0.7, 0.3) and (0.3, 0.7) may differ in the
last bit."""


@dataclass(frozen=True)
class Human:
    """The distributions of n items, and what every cell is measured with, computed once."""

    shares: np.ndarray
    """[n, K], 0 beyond an item's own options"""
    options: np.ndarray
    """[n] how many options each item has"""

    @cached_property
    def entropy(self) -> np.ndarray:
        """[n] between 0 and 1, see `distances.entropy`."""
        return self.entropy_of(self.shares)

    def entropy_of(self, p: np.ndarray) -> np.ndarray:
        """[n], of other distributions p [n, K] of the same items."""
        found: np.ndarray = np.round(distances.entropy(p, self.options), DIGITS)
        return found

    @cached_property
    def majority(self) -> np.ndarray:
        """[n, K]: 1 at the option of the largest share; all 0 where two tie."""
        top = self.shares == self.shares.max(-1, keepdims=True)
        alone: np.ndarray = top & (top.sum(-1, keepdims=True) == 1)
        return alone.astype(float)

    @cached_property
    def from_uniform(self) -> np.ndarray:
        """[n] JS divergence of the uniform distribution."""
        even = uniform(self.options, self.shares.shape[-1])
        return distances.jsd_divergence(even, self.shares)

    @cached_property
    def drawn(self) -> np.ndarray:
        """[n, DRAWN] expected JS divergence of the shares among 1, 2, ... labels drawn from the
        distribution, with replacement; it never rises.

        Exact: the divergence is a sum over options, and the count of one option is binomial.
        """
        from scipy.special import comb

        share, at = np.unique(self.shares, return_inverse=True)
        expected = np.empty((len(share), DRAWN))
        q = share[:, None]
        for k in range(1, DRAWN + 1):
            count = np.arange(k + 1)
            chance = comb(k, count) * q**count * (1 - q) ** (k - count)
            expected[:, k - 1] = (chance * _divergence_terms(count / k, q)).sum(-1)
        found: np.ndarray = expected[at.reshape(self.shares.shape)].sum(1)
        return found


def _divergence_terms(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Their sum over options is the JS divergence, base 2."""
    from scipy.special import xlogy

    middle = (p + q) / 2
    terms: np.ndarray = ((xlogy(p, p) + xlogy(q, q)) / 2 - xlogy(middle, middle)) / np.log(2)
    return terms


def uniform(options: np.ndarray, width: int) -> np.ndarray:
    """[n, width], each row over as many options [n] as it has."""
    own = np.arange(width) < options[:, None]
    return np.where(own, 1 / options[:, None], 0.0)


def known(items: pd.DataFrame) -> pd.DataFrame:
    """The test items of a table `tables.ITEMS` whose distribution is known; the index is their
    place among the test items."""
    test = items[items["split"] == "test"].reset_index(drop=True)
    return test[test["distribution"].notna() & test["options"].map(len).gt(0)]


def human(rows: pd.DataFrame) -> Human:
    """Of some rows of `known`."""
    options = rows["options"].map(len).to_numpy(np.int64)
    return Human(stack(rows["distribution"], int(options.max(initial=0))), options)


def terciles(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`known` rows in thirds of human entropy, those that hold any.

    Items of equal entropy are kept together, where the first of them falls: the third is set by the
    share of items whose entropy is strictly lower. Without ties the thirds are equal up to one; in
    data of few labels per item, where many tie at 0, the low third is larger than the others.
    """
    entropy = human(rows).entropy
    third = 3 * np.searchsorted(np.sort(entropy), entropy) // max(len(rows), 1)
    return {name: rows[third == at] for at, name in enumerate(TERCILES) if (third == at).any()}


def rows_of(predictions: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """`known` rows with what a cell predicted of them: `tables.DISTRIBUTIONS` but for the cell."""
    said = predictions.reindex(columns=["item", "probabilities", "verbal", "text"]).astype(object)
    found = rows[["item", "prompt"]].assign(human=rows["distribution"], entropy=human(rows).entropy)
    return found.merge(said, on="item", validate="one_to_one")
