from collections import Counter

from annobench.data import piqa


def test_rows_become_items(one):
    found = one(piqa)
    assert Counter(found["split"]) == {"train": 40, "test": 10}
    item = found.loc["train-7"]
    assert item["task"] == "piqa"
    assert item["prompt"] == "Goal train 7"
    assert item["options"] == ["one way train 7", "another way train 7"]
    assert item["gold"] == 1


def test_the_validation_split_is_our_test_and_ours_is_carved_from_train(one):
    found = one(piqa, validation=None)
    assert Counter(found["split"]) == {"train": 36, "validation": 4, "test": 10}
    own = found.index.str.split("-").str[0]
    assert set(zip(found["split"], own, strict=True)) == {
        ("train", "train"),
        ("validation", "train"),
        ("test", "validation"),
    }
