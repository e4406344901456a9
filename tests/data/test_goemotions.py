import pytest

from annobench.data import goemotions
from annobench.data.goemotions import EKMAN, Settings
from annobench.errors import AnnobenchError

NAME = "google-research-datasets/go_emotions"


@pytest.fixture
def read(tmp_path, write):
    """read(rows): the items of rows made by hand, by name."""

    def items(rows, config="raw"):
        root = write(tmp_path, NAME, {config: {"train": rows}})
        return goemotions.items("mine", Settings(), root).set_index("item")

    return items


def test_the_mapping_holds_each_emotion_once():
    emotions = [emotion for part in EKMAN.values() for emotion in part]
    assert len(emotions) == len(set(emotions)) == 28
    assert list(EKMAN) == ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"]


def test_raters_labels_become_items(read, rows):
    found = read(
        [
            rows.opinion("a", 7, "love", "joy"),  # two emotions of one option
            rows.opinion("a", 8, "grief"),
            rows.opinion("b", 7, "neutral"),
            rows.opinion("a", 9, "caring"),
        ]
    )
    assert list(found.index) == ["a"]
    item = found.loc["a"]
    assert item["labels"] == [3, 4, 3]
    assert item["annotators"] == ["rater-7", "rater-8", "rater-9"]
    assert item["gold"] == 3
    assert item["prompt"].endswith("\nComment: Text of a.")


def test_a_rater_without_one_option_did_not_label(read, rows):
    three = [rows.opinion("a", rater, "fear") for rater in range(3)]
    unsure = [rows.opinion("a", 3), rows.opinion("a", 4, "fear", "anger")]
    assert read(three + unsure).loc["a", "annotators"] == ["rater-0", "rater-1", "rater-2"]
    assert read(three[:2] + unsure).empty


def test_a_mirror_with_the_other_config_only(read):
    with pytest.raises(AnnobenchError, match=r"cannot be loaded: .*'raw' not found.*simplified"):
        read([], config="simplified")


def test_sizes_are_known_if_they_are_given():
    assert goemotions.size(Settings()) is None
    sizes = {"train": 3, "validation": 0, "test": 2}
    assert goemotions.size(Settings(**sizes)) == sizes
