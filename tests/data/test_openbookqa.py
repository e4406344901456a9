from collections import Counter

from annobench.data import openbookqa


def test_rows_become_items(one):
    found = one(openbookqa)
    assert Counter(found["split"]) == {"train": 40, "test": 12}
    item = found.loc["train-id-5"]
    assert item["task"] == "openbookqa"
    assert item["prompt"] == "Which is train 5?"
    assert item["options"] == ["A of 5", "B of 5", "C of 5", "D of 5"]
    assert item["gold"] == 1


def test_its_own_validation_split_is_used(one):
    found = one(openbookqa, validation=None, train=3)
    assert Counter(found["split"]) == {"train": 3, "validation": 10, "test": 12}
    validation = found[found["split"] == "validation"]
    assert validation.index.str.startswith("validation-id-").all()
