"""What holds for every carved split; how `hub` uses it is tested in tests/data/test_hub.py."""

from hypothesis import given
from hypothesis import strategies as st

from annobench.carving import carve, counts
from annobench.hub import Question

SIZES = st.fixed_dictionaries(
    {}, optional={split: st.none() | st.integers(1, 12) for split in ("test", "validation")}
)


def asked(number, count=None):
    """Questions of two tasks in turn; from `count` on they repeat the first ones."""
    return [
        Question(f"q{n}", f"t{n % 2}", f"Which is {n % (count or number)}?", ["a", "b"], 0)
        for n in range(number)
    ]


@given(number=st.integers(24, 40), sizes=SIZES)
def test_splits_are_of_the_sizes_asked_for_and_share_nothing(number, sizes):
    questions = asked(number)
    found = carve(questions, sizes)
    assert {split: len(own) for split, own in found.items()} == counts(number, sizes)
    assert all(len(found[split]) == size for split, size in sizes.items() if size is not None)
    train = found["train"]
    assert train == questions[: len(train)]
    names = [each.item for own in found.values() for each in own]
    assert sorted(names) == sorted(each.item for each in questions)


@given(small=st.integers(1, 12), more=st.integers(0, 12), tasks=st.sampled_from([None, ["t1"]]))
def test_a_smaller_split_begins_a_larger_one(small, more, tasks):
    few, many = (carve(asked(50), {"test": size}, tasks) for size in (small, small + more))
    wanted = [
        [each for each in found["test"] if tasks is None or each.task in tasks]
        for found in (few, many)
    ]
    assert [len(own) for own in wanted] == [small, small + more]
    assert wanted[0] == wanted[1][:small]


def test_a_question_that_comes_twice_is_used_once():
    found = carve(asked(20, count=10), {"test": None})
    assert [each.item for each in found["train"]] == ["q0", "q1", "q2", "q3", "q4"]
    assert [each.item for each in found["test"]] == ["q9", "q8", "q7", "q6", "q5"]


def test_all_there_are_where_more_are_asked_for():
    found = carve(asked(5), {"test": 6, "validation": 1})
    assert [len(found[split]) for split in ("train", "validation", "test")] == [0, 0, 5]
    assert counts(5, {"test": 6, "validation": 1}) == {"test": 5, "validation": 0, "train": 0}
