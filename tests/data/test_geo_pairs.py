import re

import pandas as pd
import pytest
from pydantic import ValidationError

from annobench import tables
from annobench.data import geo, geo_pairs
from annobench.pairs import RewardModel, Writer
from annobench.stages.prepare import prepare

BIG, SMALL = Writer(source="path:big"), Writer(source="path:small")
SIZES = {"tasks": ("capital",), "train": 5, "test": 3}
PAIR = {"stronger": BIG, "weaker": SMALL}


def settings(**keys):
    return geo_pairs.Settings(**(PAIR | SIZES | keys))


def said(asked, texts, scores=(-1.0, -2.0), names=(BIG.name, SMALL.name)):
    """`tables.RESPONSES`: the same two texts to each question, `{}` standing for the answer."""
    rows = [
        {
            "item": row.item,
            "option": option,
            "source": names[option],
            "text": texts[option].format(row.answers[0]),
            "score": scores[option],
        }
        for option in (1, 0)  # the order of the rows does not matter
        for row in asked.itertuples()
    ]
    return pd.DataFrame(rows)


def made(texts, scores=(-1.0, -2.0), **keys):
    own = settings(**keys)
    asked = geo_pairs.prompts("mine", own)
    names = (own.stronger.name, own.weaker.name)
    return geo_pairs.items("mine", own, None, said(asked, texts, scores, names))


def test_the_questions_are_those_of_geo_without_options(tmp_path):
    asked = geo_pairs.prompts("mine", settings(instruction="Be brief."))
    theirs = geo.items("mine", geo.Settings(tasks=("capital",), train=5, validation=0, test=3))
    assert asked["item"].tolist() == theirs["item"].tolist()
    assert asked["split"].tolist() == theirs["split"].tolist()
    assert asked["prompt"].tolist() == [f"{prompt} Be brief." for prompt in theirs["prompt"]]
    assert asked["options"].map(len).sum() == 0
    right = [row.options[row.gold] for row in theirs.itertuples()]
    assert asked["answers"].tolist() == [[answer] for answer in right]
    tables.write(tmp_path / "items.parquet", asked, tables.ITEMS)
    assert geo_pairs.size(settings()) == {"train": 5, "validation": 0, "test": 3}


@pytest.mark.parametrize(
    ("texts", "scores", "gold"),
    [
        (("It is {}.", "No idea."), (-9.0, -0.1), 0),  # correctness first
        (("No idea.", "It is {}."), (-0.1, -9.0), 1),
        (("No idea.", "None."), (-2.0, -1.0), 1),  # then likelihood
        (("{} it is.", "It is {}."), (-1.0, -2.0), 0),
        (("No idea.", "None."), (-1.0, -1.0), None),
    ],
)
def test_the_right_response_is_better_and_then_the_likelier_one(texts, scores, gold):
    found = made(texts, scores)
    assert len(found) == 8
    assert {None if pd.isna(one) else one for one in found["gold"]} == {gold}
    right = [geo_pairs.RIGHT * ("{}" in text) for text in texts]
    wanted = [a + b for a, b in zip(right, scores, strict=True)]
    assert all(own == pytest.approx(wanted) for own in found["scores"])


def test_the_stronger_models_response_is_the_first_option():
    found = made(("It is {}.", "No idea."))
    assert [own[0] for own in found["options"]] == [f"It is {a[0]}." for a in found["answers"]]
    assert found["sources"].tolist() == [["path:big", "path:small"]] * 8


@pytest.mark.parametrize("texts", [("It is {}.", " It is {}. "), ("", "No."), ("No.", " ")])
def test_nothing_to_compare_is_left_out(texts):
    assert made(texts).empty


def test_the_control_has_one_model_twice():
    found = made(("It is {}.", "No."), weaker=BIG, control=True)
    assert found["sources"].tolist() == [["path:big"] * 2] * 8


def test_a_reward_models_words_do_not_make_the_pairs_but_their_gold():
    own = settings(reward_model=RewardModel(source="path:judge"))
    asked = geo_pairs.prompts("mine", own)
    judged = said(asked, ("Yes.", "No."), scores=(1.0, 4.0), names=("path:judge",) * 2)
    responses = pd.concat([judged, said(asked, ("Yes.", "No."))])
    found = prepare("mine", "geo-pairs", own, None, responses)
    assert found["scores"].tolist() == [[1.0, 4.0]] * 8
    assert found["gold"].tolist() == [1] * 8
    assert found["sources"].tolist() == [["path:big", "path:small"]] * 8


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"weaker": BIG}, "weaker: found 'path:big', the same model as `stronger`, of which"),
        ({"weaker": Writer(source="path:big", temperature=2.0)}, "the same model as `stronger`"),
        ({"control": True}, "control: found true with two different models; allowed: one twice"),
        (
            {"control": True, "weaker": Writer(source="path:big", damage=0.1)},
            "control: found true with two different models",
        ),
        ({"tasks": ("rivers",)}, "tasks"),
        ({"tasks": ("city", "city")}, "allowed: each task once"),
        ({"stronger": {"source": "big"}}, "source: found 'big'"),
        ({"train": 0}, "train"),
    ],
)
def test_settings_that_make_no_sense(keys, sentence):
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        settings(**keys)


def test_what_is_to_be_fetched():
    judge = RewardModel(source="path:judge")
    assert settings().models == (BIG, SMALL)
    assert settings(reward_model=judge).models == (judge, BIG, SMALL)
