from collections import Counter

import pytest
from pydantic import ValidationError

from annobench.data import arc


def test_the_challenge_part_is_the_default(one):
    found = one(arc)
    assert set(found["task"]) == {"arc-challenge"}
    assert Counter(found["split"]) == {"train": 40, "test": 12}
    assert found.loc["hard train-id-6"]["prompt"] == "Which is hard train 6?"


def test_both_parts_are_two_tasks_of_these_sizes_each(one):
    found = one(arc, part="both", train=7, validation=2, test=3)
    assert Counter(zip(found["task"], found["split"], strict=True)) == {
        (f"arc-{part}", split): size
        for part in ("challenge", "easy")
        for split, size in {"train": 7, "validation": 2, "test": 3}.items()
    }
    easy = found[found["task"] == "arc-easy"]
    assert not easy.index.str.startswith("hard ").any()
    alone = one(arc, part="easy", train=7, validation=2, test=3)
    assert list(alone.index) == list(easy.index)


def test_answers_by_letter_and_by_number(one):
    found = one(arc, part="easy")
    assert [found.loc[f"four-id-{n}"]["gold"] for n in range(8)] == [0, 1, 2, 3, 0, 1, 2, 3]
    assert found.loc["easy test-id-2"]["gold"] == 2


def test_three_or_five_options_are_kept(one):
    found = one(arc, part="easy")
    assert len(found.loc["ABC-id-1"]["options"]) == 3
    assert len(found.loc["ABCDE-id-1"]["options"]) == 5


def test_pooled_splits_are_carved_from_all_that_are_published(one):
    found = one(arc, pooled=True, test=45, train=15)
    assert Counter(found["split"]) == {"train": 15, "test": 45}
    origins = {item.split()[1].split("-")[0] for item in found.index}
    assert origins == {"train", "validation", "test"}
    sizes = arc.size(arc.Settings(pooled=True, train=1778, test=345))
    assert sizes == {"train": 1778, "validation": 0, "test": 345}
    assert arc.size(arc.Settings(pooled=True))["train"] == 2590 / 2


def test_an_unknown_part():
    with pytest.raises(ValidationError):
        arc.Settings(part="medium")
