import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import MACE

from annobench.aggregation import count, mace, majority
from annobench.errors import AnnobenchError
from annobench.seeds import generator


def test_spammers_are_not_believed(crowd, accuracy):
    """Three who know, and six who nearly always say the same, each option but 3 by two."""
    annotations, gold = crowd(150, [0.9, 0.85, 0.8], 3)
    rng = np.random.default_rng(0)
    spam = [
        (item, who % 3 if rng.random() < 0.95 else int(rng.integers(4)), f"s{who}")
        for item in annotations["item"].unique()
        for who in range(6)
    ]
    annotations = pd.concat([annotations, pd.DataFrame(spam, columns=annotations.columns)])
    options = pd.Series(4, index=annotations["item"].unique())
    assert accuracy(majority.posterior(annotations, options), gold) < 0.85
    assert accuracy(mace.posterior(annotations, options), gold) > 0.93


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("seed", range(5))
def test_a_run_is_crowd_kits(crowd, seed):
    """From crowd-kit's own start, on labels in the order in which it makes no mistake."""
    annotations, _ = crowd(60, [0.9, 0.8, 0.5, 0.4], 3, seed=seed)
    options = pd.Series(4, index=annotations["item"].unique())
    ordered = annotations.sort_values(["annotator", "label"])
    assert ordered["label"].unique().tolist() == [0, 1, 2, 3]
    peer = MACE(n_restarts=1)
    peer._initialize(4, 4)
    _, found = mace._run(count(annotations, options), peer.spamming_, peer.thetas_)
    direct = peer.fit_predict_proba(
        ordered.rename(columns={"item": "task", "annotator": "worker"})
    ).sort_index()
    np.testing.assert_allclose(found, direct[range(4)], rtol=0, atol=1e-9)


def test_likelihood_and_posterior_by_hand(monkeypatch):
    """One annotator, spam 1/5, habit (3/4, 1/4), says 0: 0.8 + 0.15 for class 0, 0.15 for class 1.

    Bob says 1 of another item only so that both labels occur.
    """
    monkeypatch.setattr(mace, "ITERATIONS", 0)
    annotations = pd.DataFrame({"item": ["x", "y"], "label": [0, 1], "annotator": ["ann", "bob"]})
    votes = count(annotations, pd.Series({"x": 2, "y": 2}))
    knowing, habit = np.array([[0.2, 0.8]] * 2), np.array([[0.75, 0.25]] * 2)
    likelihood, found = mace._run(votes, knowing, habit)
    assert found[0] == pytest.approx([0.95 / 1.1, 0.15 / 1.1])
    assert found[1] == pytest.approx([0.05 / 0.9, 0.85 / 0.9])
    assert likelihood == pytest.approx(np.log(1.1) + np.log(0.9))


def test_the_starts_differ_and_the_likeliest_end_is_kept(crowd):
    annotations, _ = crowd(30, [0.7, 0.5, 0.4], 2)
    options = pd.Series(4, index=annotations["item"].unique())
    votes, rng = count(annotations, options), generator("mace")
    runs = [mace._run(votes, *mace._start(votes, rng)) for _ in range(mace.STARTS)]
    likelihoods = [likelihood for likelihood, _ in runs]
    assert len(set(likelihoods)) > 1
    best = runs[int(np.argmax(likelihoods))][1]
    kept = np.stack(mace.posterior(annotations, options)["distribution"])
    np.testing.assert_allclose(kept, best)


def test_annotations_without_annotators_are_refused(crowd):
    annotations, _ = crowd(5, [0.9, 0.6], 2)
    annotations["annotator"] = None
    with pytest.raises(AnnobenchError, match="mace: found 10 of 10 annotations without"):
        mace.posterior(annotations, pd.Series(4, index=annotations["item"].unique()))
