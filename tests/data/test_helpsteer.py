from collections import Counter

import pytest
from pydantic import ValidationError

from annobench.data import helpsteer
from annobench.data.helpsteer import Settings
from annobench.errors import AnnobenchError


@pytest.fixture
def items(tmp_path, rows):
    """items(rows of train), in the order of the file."""

    def make(*held):
        rows.write_helpsteer(tmp_path, "HelpSteer2", {"train": held, "validation": held})
        found = helpsteer.items("mine", Settings(test=0), tmp_path)
        return found.sort_values("item").reset_index(drop=True)

    return make


def test_two_responses_to_a_prompt_are_a_pair(one):
    found = one(helpsteer)
    item = found.loc["train-2"]
    assert item["prompt"] == "Ask train 1."
    assert item["options"] == ["One 1.", "Two 1."]
    # 0.65 * 3 + 0.8 * 2 + 0.45 * 4 + 0.55 * 2 - 0.4 * 1, and 0.8 more
    assert item["scores"] == [6.05, 6.85]
    assert item["gold"] == 1
    assert item["sources"] is None
    assert found.loc["train-0"]["gold"] == 0
    assert found["gold"].isna().loc["train-4"]


def test_the_published_validation_split_is_our_test(one):
    found = one(helpsteer, validation=4)
    assert Counter(found["split"]) == {"train": 36, "validation": 4, "test": 10}
    for split, own in {"train": "train", "validation": "train", "test": "validation"}.items():
        prompts = found["prompt"][found["split"] == split]
        assert prompts.str.startswith(f"Ask {own}").all()
    assert found["prompt"].is_unique
    assert helpsteer.size(Settings()) is None
    sizes = {"train": 9, "validation": 0, "test": 5}
    assert helpsteer.size(Settings(train=9, test=5)) == sizes


def test_both_versions_are_read_alike(one, hub_root):
    first = one(helpsteer, version=1)
    assert first.equals(one(helpsteer, version=2))
    with pytest.raises(ValidationError):
        Settings(version=3)


def test_prompts_with_more_or_fewer_responses(items, rows):
    found = items(
        rows.rated("four", "a", 4, 4, 4, 4, 4),
        rows.rated("one", "b", 4, 4, 4, 4, 4),
        rows.rated("four", "a", 0, 0, 0, 0, 0),
        rows.rated("four", "", 0, 0, 0, 0, 0),
        rows.rated("four", "c", 0, 0, 0, 0, 1),
        rows.rated("four", "d", 4, 4, 4, 4, 0),
    )
    assert found["prompt"].tolist() == ["four"]
    assert found["item"].tolist() == ["train-0"]
    assert found["options"].tolist() == [["a", "c"]]
    assert found["scores"].tolist() == [[8.2, -0.4]]


def test_equal_scores_are_found_equal(items, rows):
    """0.65 (3 - 1) = 0.45 (4 - 2) + 0.4 (2 - 1), which sums of floats miss."""
    found = items(
        rows.rated("tie", "a", 3, 1, 2, 1, 2), rows.rated("tie", "b", 1, 1, 4, 1, 1)
    )  # fmt: skip
    assert found["scores"].tolist() == [[3.4, 3.4]]
    assert found["gold"].isna().all()


@pytest.mark.parametrize("rating", [5, -1, 2.5, None])
def test_a_rating_that_does_not_fit(items, rows, rating):
    with pytest.raises(AnnobenchError, match=r"row 0: column 'coherence': found .*; allowed: one "):
        items(rows.rated("a", "b", 1, 1, rating, 1, 1))
