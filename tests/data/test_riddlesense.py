from collections import Counter

from annobench.data import riddlesense


def test_rows_become_items(one):
    found = one(riddlesense, validation=None)
    assert Counter(found["split"]) == {"train": 36, "validation": 4, "test": 10}
    item = found.loc["validation-9"]
    assert item["split"] == "test"
    assert item["task"] == "riddlesense"
    assert item["prompt"] == "Which is validation 9?"
    assert item["options"] == ["A of 9", "B of 9", "C of 9", "D of 9", "E of 9"]
    assert item["gold"] == 4
