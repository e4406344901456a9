from collections import Counter

from annobench.data import boolq


def test_rows_become_items(one):
    found = one(boolq, validation=None)
    assert Counter(found["split"]) == {"train": 36, "validation": 4, "test": 10}
    yes, no = found.loc["train-3"], found.loc["train-4"]
    assert yes["task"] == "boolq"
    assert yes["prompt"] == "is it train 3?\nContext: It is train 3."
    assert yes["options"] == no["options"] == ["yes", "no"]
    assert (yes["gold"], no["gold"]) == (0, 1)
