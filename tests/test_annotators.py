import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from annobench import tables
from annobench.annotators import agreement, evidence, guessing, table
from annobench.methods import Given

FIRST = np.zeros(1, dtype=np.int64)


def crowd(beta, labels, options=4, seed=0):
    """Each annotator's labels of items of random difficulty: p of each label [N], K, who."""
    rng = np.random.default_rng(seed)
    annotator = np.repeat(np.arange(len(beta)), labels)
    p = rng.dirichlet([0.5] * options, len(annotator))
    known = (p.cumsum(1) > rng.random(len(p))[:, None]).argmax(1)
    said = np.where(
        rng.random(len(p)) < np.asarray(beta)[annotator],
        known,
        rng.integers(0, options, len(p)),
    )
    return p[np.arange(len(p)), said], np.full(len(p), options), annotator


def test_two_labels_by_hand():
    """u = K p - 1 is 1 and -1/2: 1/(1 + b) = (1/2)/(1 - b/2) gives b = 1/2."""
    found = evidence(np.array([1.0, 0.25]), np.array([2, 2]), np.array([0, 0]), 1)
    assert found.best == pytest.approx(0.5)
    statistic = 2 * (math.log(1.5) + math.log(0.75))
    assert found.p == pytest.approx(chi2.sf(statistic, 1) / 2)
    assert (found.low[0], found.high[0]) == (0, 1)


def test_one_sure_label_by_hand():
    """l(b) = log(1 + 3b) of a label that the model is sure of among four options: best at 1, and
    2 (log 4 - log(1 + 3b)) <= 3.84 from b = (4 exp(-1.92) - 1)/3 < 0 on. With three of them
    6 (log 4 - log(1 + 3b)) <= 3.84, from (4 exp(-0.64) - 1)/3 on."""
    for labels, low in ((1, 0.0), (3, (4 * math.exp(-chi2.ppf(0.95, 1) / 6) - 1) / 3)):
        one = np.zeros(labels, dtype=np.int64)
        found = evidence(np.ones(labels), one + 4, one, 1)
        assert found.best == pytest.approx(1)
        assert found.low == pytest.approx(low)
        assert found.high == pytest.approx(1)
        assert found.p == pytest.approx(chi2.sf(2 * labels * math.log(4), 1) / 2)


def test_labels_against_the_model_are_a_guessers():
    found = evidence(np.array([0.0, 0.1]), np.array([4, 4]), np.array([0, 0]), 1)
    assert (found.best[0], found.low[0], found.p[0]) == (0, 0, 1)
    assert 0 < found.high[0] < 1


def test_an_annotator_without_labels_is_unknown():
    found = evidence(np.array([0.9]), np.array([4]), np.array([1]), 2)
    assert np.isnan([found.best[0], found.low[0], found.high[0], found.p[0]]).all()
    assert not np.isnan(found.best[1])


def test_the_interval_covers_the_true_beta_as_often_as_it_says():
    """2,000 annotators of 150 labels; the standard error of a share of 0.95 is 0.005."""
    for beta in (0.3, 0.7):
        found = evidence(*crowd([beta] * 2000, 150), 2000)
        covered = ((found.low <= beta) & (beta <= found.high)).mean()
        assert covered == pytest.approx(0.95, abs=0.015)
        assert found.best.mean() == pytest.approx(beta, abs=0.01)


def test_guessers_are_flagged_and_others_are_not():
    beta = np.repeat([0.0, 0.6], 500)
    found = evidence(*crowd(beta, 100), 1000)
    assert (found.p[:500] < 0.05).mean() == pytest.approx(0.05, abs=0.03)
    assert (found.p[:500] == 1).mean() == pytest.approx(0.5, abs=0.07)
    flags = guessing(found.p)
    assert flags[:500].mean() > 0.92
    assert flags[500:].mean() < 0.01


def test_guessing_is_corrected_for_the_number_of_annotators():
    """Four p values, adjusted to 0.04, 0.06, 0.0533 and 0.9."""
    assert guessing(np.array([0.01, 0.03, 0.04, 0.9])).tolist() == [False, True, True, True]
    assert guessing(np.array([])).tolist() == []


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(2, 5), st.integers(0, 3)), min_size=1, max_size=12
    )
)
def test_the_interval_holds_the_best_and_its_ends_are_where_the_likelihood_says(rows):
    p, options, annotator = (np.array(column) for column in zip(*rows, strict=True))
    found = evidence(p.astype(float), options, annotator, 4)
    for who in set(annotator.tolist()):
        u = (options * p - 1)[annotator == who]
        low, best, high = found.low[who], found.best[who], found.high[who]
        assert 0 <= low <= best <= high <= 1

        def loss(beta, u=u, best=best):
            with np.errstate(divide="ignore"):
                return 2 * (np.log1p(best * u).sum() - np.log1p(beta * u).sum())

        grid = np.linspace(0, 1, 21)
        assert all(loss(beta) > -1e-6 for beta in grid)
        for beta in grid:
            inside = loss(beta) <= chi2.ppf(0.95, 1)
            assert (
                inside == (low - 1e-9 <= beta <= high + 1e-9)
                or min(abs(beta - low), abs(beta - high)) < 1e-6
            )


def test_agreement_is_weighted_by_responsibility():
    """beta 1/2, K 2: p 3/4 has r = (3/8)/(3/8 + 1/4) = 3/5, p 1/4 has r = (1/8)/(3/8) = 1/3."""
    p, K, who = np.array([0.75, 0.25]), np.array([2, 2]), np.array([0, 0])
    first = np.array([True, False])
    assert agreement(p, K, first, who, np.array([0.5])) == pytest.approx(0.6 / (0.6 + 1 / 3))
    assert agreement(p, K, first, who, np.array([1.0])) == pytest.approx(0.5)
    assert np.isnan(agreement(p, K, first, who, np.array([-0.2]))).all()


ITEMS = pd.DataFrame(
    {
        "item": ["t1", "q1", "q2"],
        "task": ["a", "a", "b"],
        "split": ["test", "train", "train"],
        "options": [["x", "y"], ["x", "y"], ["x", "y", "z"]],
    }
)
LABELS = pd.DataFrame(
    {"item": ["q1", "q2", "q2"], "annotator": ["ann", "ann", "bob"], "label": [0, 2, 1]}
)
P = np.array([[0.5, 0.5, 0], [0.9, 0.1, 0], [0.2, 0.1, 0.7]])


def made(expertise):
    given = Given(ITEMS[ITEMS["split"] == "train"], LABELS)
    return table(expertise, given, ITEMS, P)


def test_the_table_of_a_scalar_expertise(tmp_path):
    found = made(pd.Series([0.8, 0.3, 0.5], index=["ann", "bob", "cat"]))
    tables.write(tmp_path / "annotators.parquet", found, tables.ANNOTATORS)
    back = tables.read(tmp_path / "annotators.parquet", tables.ANNOTATORS)
    assert back["annotator"].tolist() == ["ann", "bob", "cat"]
    assert back["task"].tolist() == ["all"] * 3
    assert back["annotations"].tolist() == [2, 1, 0]
    assert back["expertise"].tolist() == [0.8, 0.3, 0.5]
    assert back["agreement"].tolist()[:2] == [1, 0]
    said = evidence(np.array([0.9, 0.7, 0.1]), np.array([2, 3, 3]), np.array([0, 0, 1]), 2)
    assert back["high"].tolist()[:2] == said.high.tolist()
    assert back["low"].tolist()[:2] == said.low.tolist()
    assert back["guessing"].tolist() == [True, True, None]
    assert back[["low", "high", "agreement"]].iloc[2].isna().all()


def test_the_table_of_expertise_in_each_task():
    index = pd.MultiIndex.from_tuples([("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "b")])
    found = made(pd.Series([0.8, 0.7, 0.6, 0.3], index=index))
    assert found["annotator"].tolist() == ["ann", "ann", "bob", "bob"]
    assert found["task"].tolist() == ["a", "b", "a", "b"]
    assert found["annotations"].tolist() == [1, 1, 0, 1]
    assert found["agreement"].isna().tolist() == [False, False, True, False]
