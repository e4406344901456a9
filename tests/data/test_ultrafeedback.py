from collections import Counter
from functools import partial

import pytest
from pydantic import ValidationError

from annobench.data import ultrafeedback
from annobench.data.ultrafeedback import Settings
from annobench.errors import AnnobenchError

TWO = {"stronger": "gpt-4", "weaker": "alpaca-7b"}


@pytest.fixture
def items(tmp_path, rows):
    """items([(instruction, {model: (response, score)}), ...], **keys), by instruction."""

    def make(asked, **keys):
        held = [
            rows.instruction(text, *(rows.completion(m, *each) for m, each in by_model.items()))
            for text, by_model in asked
        ]
        rows.write_ultrafeedback(tmp_path, held)
        settings = Settings(**({"train": None, "test": 0} | TWO | keys))
        return ultrafeedback.items("mine", settings, tmp_path).set_index("prompt")

    return make


def test_the_response_of_the_stronger_model_is_option_0(one):
    found = one(ultrafeedback, **TWO)
    item = found.loc["train-1"]
    assert item["prompt"] == "Do this 1."
    assert item["options"] == ["Strong 1.", "Weak 1."]
    assert item["sources"] == ["gpt-4", "alpaca-7b"]
    assert item["scores"] == [3.0, 3.5]
    assert item["gold"] == 1
    assert found.loc["train-0"]["gold"] == 0
    turned = one(ultrafeedback, stronger="alpaca-7b", weaker="gpt-4").loc["train-1"]
    assert turned["options"] == ["Weak 1.", "Strong 1."]
    assert turned["gold"] == 0


def test_of_a_tie_there_is_no_gold_response(one):
    found = one(ultrafeedback, **TWO)
    assert found["gold"].isna().sum() == 13
    assert found["gold"].isna().loc["train-2"]


def test_splits_are_carved_from_its_only_one(one):
    found = one(ultrafeedback, **TWO, validation=None)
    assert Counter(found["split"]) == {"train": 18, "validation": 2, "test": 20}
    assert set(found["task"]) == {"ultrafeedback"}
    assert ultrafeedback.size(Settings(**TWO)) is None
    sizes = {"train": 5, "validation": 0, "test": 3}
    assert ultrafeedback.size(Settings(**TWO, train=5, test=3)) == sizes


def test_prompts_without_two_responses_to_compare_are_left_out(items):
    found = items(
        [
            ("good", {"gpt-4": ("a", 5.0), "bard": ("b", 4.0), "alpaca-7b": ("c", 1.0)}),
            ("one of them", {"gpt-4": ("a", 5.0), "bard": ("b", 4.0)}),
            ("none of them", {"starchat": ("a", 5.0), "bard": ("b", 4.0)}),
            ("no score", {"gpt-4": ("a", 5.0), "alpaca-7b": ("b", None)}),
            ("no words", {"gpt-4": ("a", 5.0), "alpaca-7b": (" ", 1.0)}),
            ("the same", {"gpt-4": ("a", 5.0), "alpaca-7b": ("a ", 1.0)}),
            ("good", {"gpt-4": ("d", 2.0), "alpaca-7b": ("e", 3.0)}),
        ]
    )
    assert list(found.index) == ["good"]
    assert found.loc["good"]["options"] == ["a", "c"]
    assert found.loc["good"]["scores"] == [5.0, 1.0]


def test_a_prompt_that_comes_twice_is_in_one_split(items):
    two = {"gpt-4": ("a", 5.0), "alpaca-7b": ("b", 4.0)}
    others = {"gpt-4": ("c", 5.0), "alpaca-7b": ("d", 4.0)}
    found = items([(f"p{n}", by) for by in (two, others) for n in range(20)], test=10)
    assert Counter(found["split"]) == {"train": 10, "test": 10}
    assert found.index.is_unique


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"instruction": "a"}, "row 1: column 'completions' is missing"),
        ({"completions": "none"}, "column 'completions': found 'none'; allowed: a list of rows"),
        ({"completions": [{"response": "a"}]}, "'completions': 0: column 'model' is missing"),
    ],
)
def test_rows_of_another_form(row, said, rows):
    good = rows.instruction("a", rows.completion("gpt-4", "b", 1.0))
    read = partial(ultrafeedback._questions, ("gpt-4", "alpaca-7b"))
    held = [good, row]
    with pytest.raises(AnnobenchError) as caught:
        list(read(ultrafeedback.hub.rows_of(held, "train", "here")))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"stronger": "gpt4"}, "model 'gpt4' is unknown: did you mean 'gpt-4'"),
        ({"weaker": "gpt-4"}, "found 'gpt-4' twice; allowed: two models"),
    ],
)
def test_models_that_are_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        Settings(**TWO | keys)
    assert len(set(ultrafeedback.MODELS)) == 17
