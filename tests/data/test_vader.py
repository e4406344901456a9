from collections import Counter

import numpy as np
import pytest

from annobench import distances, people
from annobench.data import vader
from annobench.errors import AnnobenchError


def by_split(**sizes):
    found = vader.items("mine", vader.Settings(**sizes))
    return dict(iter(found.groupby("split", sort=False)))


def test_the_lexicons_words():
    words = list(vader._questions())
    assert len({question.item for question in words}) == vader.WORDS
    # aas is rated 2, 3, 3, 4, 1, 2, 3, 2, 2, 3
    aas = next(question for question in words if question.item == "aas")
    assert aas.prompt == 'Is the word "aas" negative, neutral or positive?'
    assert aas.labels == [2] * 10
    assert aas.annotators == [f"column-{place}" for place in range(10)]
    assert all(len(question.labels) == 10 for question in words)


def test_contested_words_are_as_many_as_easy_ones():
    for split, part in by_split().items():
        p = np.array(part["distribution"].tolist())
        strata = Counter((distances.entropy(p, 3).round(9) * people.STRATA).astype(int))
        assert len(strata) == 8  # ten labels have no entropy of 0.1 to 0.2, or of 0.3 to 0.4
        assert max(strata.values()) - min(strata.values()) <= 1, split


def test_test_items_do_not_change_with_train():
    few, many = by_split(train=50), by_split(train=4000)
    assert few["test"]["item"].tolist() == many["test"]["item"].tolist()
    assert set(few["train"]["item"]) <= set(many["train"]["item"])


def test_sizes():
    assert vader.size(vader.Settings()) == {"train": 1200, "validation": 0, "test": 300}
    whole = vader.Settings(train=None, validation=None, test=None)
    found = vader.items("mine", whole)
    assert Counter(found["split"]) == vader.size(whole) == {
        "train": 5048, "validation": 720, "test": 1441
    }  # fmt: skip
    with pytest.raises(AnnobenchError, match="found 1442 test items asked for; allowed: at most 1"):
        vader.items("mine", vader.Settings(test=1442))
