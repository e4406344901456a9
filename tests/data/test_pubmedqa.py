from collections import Counter

import pytest
from pydantic import ValidationError

from annobench.data import pubmedqa


def test_rows_become_items(one):
    item = one(pubmedqa).loc["1005"]
    assert item["task"] == "pubmedqa"
    assert item["prompt"] == ("Does it help train 5?\nContext: We asked many people. Some said so.")
    assert item["options"] == ["yes", "no", "maybe"]
    assert item["gold"] == 2


def test_half_of_its_only_split_is_our_test(one):
    # 40 // 2 = 20, then 20 // 10 = 2
    found = one(pubmedqa, validation=None)
    assert Counter(found["split"]) == {"train": 18, "validation": 2, "test": 20}


def test_the_context_can_be_cut(one):
    item = one(pubmedqa, context_words=5).loc["1005"]
    assert item["prompt"].endswith("?\nContext: We asked many people. Some")
    with pytest.raises(ValidationError):
        pubmedqa.Settings(context_words=0)
