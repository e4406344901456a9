import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench import people, seeds
from annobench.errors import AnnobenchError
from annobench.people import Question


def questions(count, options=3):
    """From unanimous to undecided."""
    return [
        Question(
            f"q{n}", "t", f"ask {n}", ["a", "b", "c"][:options], [0] * (2 * count - n) + [1] * n
        )
        for n in range(count)
    ]


def test_shares_and_majority_by_hand():
    one = Question("q", "t", "?", ["a", "b", "c"], [2, 0, 2, 1])
    assert one.distribution == [0.25, 0.25, 0.5]
    assert one.gold == 2
    assert Question("q", "t", "?", ["a", "b"], [0, 1]).gold is None


@given(
    entropy=st.lists(st.floats(0, 1), max_size=60),
    evenly=st.booleans(),
    seed=st.integers(0, 99),
)
def test_an_order_holds_every_item_once(entropy, evenly, seed):
    rng = np.random.default_rng(seed)
    order = people.spread(np.array(entropy), rng, evenly)
    assert sorted(order) == list(range(len(entropy)))


def test_every_beginning_has_easy_and_contested_items():
    entropy = np.random.default_rng(0).permutation(np.arange(0.5, 200)) / 200
    order = people.spread(entropy, seeds.generator("test"))
    for size in range(10, 201, 10):
        counts = np.histogram(entropy[order[:size]], people.STRATA, (0, 1))[0]
        assert counts.tolist() == [size // 10] * 10


def test_few_contested_items_come_as_often_as_they_last():
    entropy = np.array([0.0] * 90 + [0.5] * 6 + [1.0] * 4)
    order = people.spread(entropy, seeds.generator("test"), evenly=True)
    for size, expected in [(3, [1, 1, 1]), (12, [4, 4, 4]), (16, [6, 6, 4]), (20, [10, 6, 4])]:
        found = [(entropy[order[:size]] == each).sum() for each in (0, 0.5, 1)]
        assert found == expected


def test_splits_are_alike_and_what_asks_the_same_is_used_once():
    asked = questions(100)
    splits = people.share("mine", [*asked, *asked])
    assert {split: len(held) for split, held in splits.items()} == people.counts(100)
    assert people.counts(100) == {"test": 10, "validation": 10, "train": 80}
    assert sorted(q.item for held in splits.values() for q in held) == sorted(q.item for q in asked)
    for held in splits.values():
        mean = np.mean([question.distribution[1] for question in held])
        assert mean == pytest.approx(0.2475, abs=0.02)


def test_items_are_the_first_of_their_split():
    splits = people.share("mine", questions(100))

    def drawn(**sizes):
        found = people.items("mine", people.Settings(**sizes), "here", splits)
        return {split: part["item"].tolist() for split, part in found.groupby("split")}

    whole, few = drawn(), drawn(train=7, validation=0, test=3)
    assert {split: len(part) for split, part in whole.items()} == people.counts(100)
    assert few == {"train": whole["train"][:7], "test": whole["test"][:3]}
    with pytest.raises(AnnobenchError, match=r"^here: found 11 test items asked for; allowed: at "):
        drawn(test=11)


def test_options_of_unequal_number():
    splits = {"train": questions(4, options=2) + questions(4)}
    found = people.items("mine", people.Settings(), "here", splits)
    assert found["distribution"].map(len).tolist() == found["options"].map(len).tolist()


def test_sizes_are_known_before_anything_is_read():
    assert people.size(people.Settings(), 105) == {"train": 85, "validation": 10, "test": 10}
    assert people.size(people.Settings(train=3), 105)["train"] == 3
