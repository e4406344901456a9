import pandas as pd
import pytest

from annobench import tables
from annobench.evaluation.crowds import Crowd, measure
from annobench.stages.evaluate import read_crowd

ITEMS = pd.DataFrame(
    {
        "item": ["i", "j", "k", "l", "t"],
        "task": ["easy", "easy", "hard", "hard", "easy"],
        "split": ["train", "train", "train", "train", "test"],
        "gold": pd.array([0, 1, 0, None, 0], "Int64"),
    }
)
LABELS = [
    ("i", 0, "ann"),
    ("i", 1, "bob"),
    ("j", 1, "ann"),
    ("k", 2, "bob"),
    ("t", 1, "cat"),  # held out
]
TRUTH = pd.DataFrame(
    {
        "annotator": ["ann", "bob", "ann", "bob"],
        "task": ["easy", "easy", "hard", "hard"],
        "expertise": 0.5,
        "accuracy": [0.9, 0.6, 0.3, 0.2],
    }
)


def crowd(labels, truth=TRUTH) -> Crowd:
    frame = pd.DataFrame(labels, columns=["item", "label", "annotator"])
    return Crowd("geo", "n", 3, frame.assign(text=None, corrupted=None), truth)


def test_only_labels_of_training_items_count():
    assert measure(crowd(LABELS), ITEMS) == {
        "dataset": "geo",
        "noise": "n",
        "seed": 3,
        "annotators": 2,
        "annotations": 4,
        "items": 3,
        "labels_per_item": pytest.approx(4 / 3),
        "label_accuracy": pytest.approx(2 / 4),
        "expected_accuracy": pytest.approx((0.9 + 0.6 + 0.9 + 0.2) / 4),
    }


def test_what_is_not_known_is_null():
    blind = ITEMS.assign(gold=pd.array([None] * 5, "Int64"))
    found = measure(crowd(LABELS, tables.empty(tables.TRUTH)), blind)
    assert found["label_accuracy"] is found["expected_accuracy"] is None
    nobody = measure(crowd([]), ITEMS)
    assert (nobody["annotators"], nobody["items"], nobody["labels_per_item"]) == (0, 0, None)


def test_labels_without_annotator_count_as_labels():
    found = measure(crowd([("i", 0, None), ("j", 0, None)]), ITEMS)
    assert (found["annotators"], found["annotations"]) == (0, 2)
    assert found["label_accuracy"] == 0.5


@pytest.mark.parametrize("truth", [TRUTH, tables.empty(tables.TRUTH)], ids=["truth", "no-truth"])
def test_anonymous_labels_as_they_come_from_the_disk(truth, tmp_path):
    nameless = crowd([("i", 0, None), ("t", 0, None)], truth)
    tables.write(tmp_path / "a.parquet", nameless.annotations, tables.ANNOTATIONS)
    tables.write(tmp_path / "t.parquet", truth, tables.TRUTH)
    read = read_crowd(tmp_path / "a.parquet", tmp_path / "t.parquet", "geo", "n", 0)
    found = measure(read, ITEMS)
    assert (found["annotations"], found["label_accuracy"]) == (1, 1.0)
    assert found["expected_accuracy"] is None


@pytest.mark.parametrize("free_text", [False, True])
def test_a_noise_that_knows_which_labels_it_made_wrong_is_believed(free_text, tmp_path):
    given = pd.DataFrame(
        {
            "item": ["i", "j", "k", "t"],
            "label": pd.array([None] * 4 if free_text else [1, 0, 0, 0], "Int64"),
            "annotator": None,
            "text": ["one", "two", "three", "four"] if free_text else None,
            "corrupted": [True, False, True, True],
        }
    )
    tables.write(tmp_path / "a.parquet", given, tables.ANNOTATIONS)
    tables.write(tmp_path / "t.parquet", tables.empty(tables.TRUTH), tables.TRUTH)
    read = read_crowd(tmp_path / "a.parquet", tmp_path / "t.parquet", "geo", "n", 0)
    assert measure(read, ITEMS)["label_accuracy"] == pytest.approx(1 / 3)
