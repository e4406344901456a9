from collections import Counter

import pytest
from pydantic import ValidationError

from annobench.data import mmlu


def test_rows_become_items(one):
    found = one(mmlu)
    item = found.loc["test-6"]
    assert item["task"] == "anatomy"
    assert item["prompt"] == "Exam test 6?"
    assert item["options"] == ["one 6", "two", "three", "None"]
    assert item["gold"] == 3
    assert found.loc["test-7"]["task"] == "virology"


def test_every_split_is_carved_from_its_test_split(one):
    # 64 // 2 = 32, then 32 // 10 = 3
    found = one(mmlu, validation=None)
    assert Counter(found["split"]) == {"train": 29, "validation": 3, "test": 32}
    assert found.index.str.startswith("test-").all()


def test_subjects_do_not_move_items_between_splits(one):
    found, virology = one(mmlu), one(mmlu, subjects=["virology"])
    assert set(virology["task"]) == {"virology"}
    kept = found[found["task"] == "virology"]["split"]
    assert virology["split"].to_dict() == kept.to_dict()
    assert len(virology) == 32


def test_sizes_count_questions_of_the_subjects(one):
    found = one(mmlu, subjects=["virology"], train=20, test=12)
    assert set(found["task"]) == {"virology"}
    assert Counter(found["split"]) == {"train": 20, "test": 12}
    assert mmlu.size(mmlu.Settings(train=9800, test=1879)) == {
        "train": 9800,
        "validation": 0,
        "test": 1879,
    }


def test_every_subject_has_one_of_the_four_categories():
    listed = " ".join(mmlu._SUBJECTS.values()).split()
    assert len(listed) == len(mmlu.CATEGORIES) == 57
    assert Counter(mmlu.CATEGORIES.values()) == {
        "STEM": 18,
        "humanities": 13,
        "social sciences": 12,
        "other": 14,
    }
    assert mmlu.CATEGORIES["jurisprudence"] == "humanities"
    assert mmlu.CATEGORIES["econometrics"] == "social sciences"
    assert mmlu.CATEGORIES["anatomy"] == "other"


def test_there_are_57_subjects():
    assert len(set(mmlu.SUBJECTS)) == len(mmlu.SUBJECTS) == 57
    with pytest.raises(ValidationError, match="did you mean 'anatomy'"):
        mmlu.Settings(subjects=["anatmy"])
    with pytest.raises(ValidationError):
        mmlu.Settings(subjects=[])
