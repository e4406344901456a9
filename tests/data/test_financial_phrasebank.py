from collections import Counter

from annobench.data import financial_phrasebank as phrasebank

TABLE = "takala/financial_phrasebank"


def test_rows_become_items(one):
    item = one(phrasebank).loc["train-2"]
    assert item["task"] == "financial-phrasebank"
    assert item["prompt"].endswith("\nNews: Sales rose train 2 .")
    assert item["options"] == ["negative", "neutral", "positive"]
    assert item["gold"] == 2


def test_the_hubs_only_split_gives_all_of_ours(one):
    found = one(phrasebank, validation=None)
    assert Counter(found["split"]) == {"train": 18, "validation": 2, "test": 20}


def test_a_mirror_with_a_test_split_keeps_it(tmp_path, write):
    rows = {
        split: [{"sentence": f"{split} {n}", "label": 1} for n in range(4)]
        for split in ("train", "test")
    }
    root = write(tmp_path, TABLE, {"sentences_allagree": rows})
    found = phrasebank.items("mine", phrasebank.Settings(), root)
    assert Counter(found["split"]) == {"train": 4, "test": 4}
    assert found["item"].str.startswith("test-").tolist() == (found["split"] == "test").tolist()
