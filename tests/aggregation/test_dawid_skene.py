import warnings

import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import DawidSkene

from annobench.aggregation import dawid_skene, majority
from annobench.errors import AnnobenchError


def crowd(items, accuracies, labels_per_item, options=4, seed=0):
    """Annotations by annotators who are right with their accuracy, else wrong at random."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(options, size=items)
    rows = []
    for item, truth in enumerate(gold):
        for who in rng.choice(len(accuracies), labels_per_item, replace=False):
            off = 0 if rng.random() < accuracies[who] else rng.integers(1, options)
            rows.append((f"q{item:04d}", int((truth + off) % options), f"a{who}"))
    return pd.DataFrame(rows, columns=["item", "label", "annotator"]), gold


def accuracy(posterior, gold):
    return np.mean(
        [np.argmax(p) == y for p, y in zip(posterior["distribution"], gold, strict=True)]
    )


def test_it_finds_the_good_annotators_where_the_majority_is_wrong():
    annotations, gold = crowd(300, [0.95, 0.95, 0.25, 0.25, 0.25, 0.25, 0.25], 7)
    options = pd.Series(4, index=annotations["item"].unique())
    by_vote = accuracy(majority.posterior(annotations, options), gold)
    by_skill = accuracy(dawid_skene.posterior(annotations, options), gold)
    assert by_vote < 0.88
    assert by_skill > 0.93


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_it_is_crowd_kit_where_all_options_occur():
    annotations, _ = crowd(60, [0.9, 0.8, 0.5, 0.4], 3)
    options = pd.Series(4, index=annotations["item"].unique())
    found = dawid_skene.posterior(annotations, options)
    direct = DawidSkene().fit_predict_proba(
        annotations.rename(columns={"item": "task", "annotator": "worker"})
    )
    assert found["item"].tolist() == sorted(direct.index)
    np.testing.assert_allclose(
        np.stack(found["distribution"]), direct.loc[found["item"], range(4)], atol=1e-9
    )


def test_items_of_different_width():
    annotations, gold = crowd(80, [0.9, 0.9, 0.6], 3, options=2)
    names = annotations["item"].unique()
    options = pd.Series(np.where(np.arange(80) % 2, 2, 5), index=names)
    wide = annotations["item"].map(options) == 5
    annotations["label"] += 2 * wide  # options 2 and 3 of five; 4 is never chosen
    found = dawid_skene.posterior(annotations, options)
    assert found["distribution"].map(len).tolist() == options.tolist()
    assert found["distribution"].map(sum).to_numpy() == pytest.approx(1)
    assert all(p[4] == 0 for p in found["distribution"] if len(p) == 5)
    assert accuracy(found, gold + 2 * (options.to_numpy() == 5)) > 0.85


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_options_that_an_item_lacks_get_nothing():
    # a2 says 0 whether the others say 0, 1 or 2, so its 0 on "narrow" may stand for option 2
    rows = [(f"q{n}", label, who) for n in range(9) for who, label in enumerate([n % 3, n % 3, 0])]
    rows.append(("narrow", 0, 2))
    annotations = pd.DataFrame(rows, columns=["item", "label", "annotator"])
    annotations["annotator"] = "a" + annotations["annotator"].astype(str)
    options = pd.Series(3, index=annotations["item"].unique())
    options["narrow"] = 2
    direct = (
        DawidSkene()
        .fit_predict_proba(annotations.rename(columns={"item": "task", "annotator": "worker"}))
        .loc["narrow"]
    )
    assert direct[2] > 0.2
    found = dawid_skene.posterior(annotations, options).set_index("item").loc["narrow"].item()
    assert found == pytest.approx((direct[[0, 1]] / direct[[0, 1]].sum()).tolist())


def test_it_draws_nothing():
    annotations, _ = crowd(40, [0.9, 0.6, 0.4], 2)
    options = pd.Series(4, index=annotations["item"].unique())
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    first = dawid_skene.posterior(annotations, options)
    assert np.array_equal(np.random.get_state()[1], state)
    assert first.equals(dawid_skene.posterior(annotations, options))


def test_annotations_without_annotators_are_refused():
    annotations, _ = crowd(5, [0.9, 0.6], 2)
    annotations.loc[3:4, "annotator"] = None
    with pytest.raises(AnnobenchError, match="found 2 of 10 annotations without"):
        dawid_skene.posterior(annotations, pd.Series(4, index=annotations["item"].unique()))


def test_no_warnings_reach_the_user():
    annotations, _ = crowd(5, [0.9, 0.6], 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dawid_skene.posterior(annotations, pd.Series(4, index=annotations["item"].unique()))
