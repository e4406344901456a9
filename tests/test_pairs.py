import pandas as pd
import pytest
from pydantic import ValidationError

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.pairs import Pairs, RewardModel, Writer, are_pairs, better, refuse, rescored


def pairs(**columns):
    given = {"options": [["a", "b"], ["c", "d"]], "sources": [["big", "small"]] * 2}
    return pd.DataFrame({"item": ["q", "r"]} | given | columns)


def said(rows):
    columns = ["item", "option", "score"]
    return pd.DataFrame(rows, columns=columns).assign(source="path:judge", text="any")


@pytest.mark.parametrize(
    ("scores", "gold"), [([2.0, 1.0], 0), ([-2.0, -1.0], 1), ([0.5, 0.5], None)]
)
def test_the_better_of_two(scores, gold):
    assert better(scores) == gold


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"sources": [["big", "small"]]}, True),
        ({"scores": [[1.0, 2.0]]}, True),
        ({"sources": [None], "scores": [None]}, False),
        ({}, False),
    ],
)
def test_pairs_have_sources_or_scores(columns, found):
    assert are_pairs(pd.DataFrame({"item": ["q"]} | columns)) is found


def test_a_reward_models_scores_are_in_the_place_of_the_datas(tmp_path):
    """Whatever the order of its rows; a tie has no gold response."""
    items = pairs(task="t", split="train", prompt="p", gold=[1, 0], scores=[[0.0, 9.0], [9.0, 0.0]])
    rows = [("r", 1, 3.0), ("q", 1, 0.5), ("q", 0, 1.5), ("r", 0, 3.0)]
    found = rescored(items, said(rows))
    assert found["scores"].tolist() == [[1.5, 0.5], [3.0, 3.0]]
    assert found["gold"].tolist() == [0, pd.NA]
    tables.write(tmp_path / "items.parquet", found, tables.ITEMS)
    assert found.drop(columns=["scores", "gold"]).equals(items.drop(columns=["scores", "gold"]))


@pytest.mark.parametrize("columns", [{}, {"sources": None}, {"sources": [None, ["big", "small"]]}])
def test_pairs_by_two_models_or_nobody_pass(columns):
    refuse("mine", pairs(**columns), control=False)


@pytest.mark.parametrize("control", [True, False])
def test_a_pair_has_two_responses(control):
    with pytest.raises(AnnobenchError) as caught:
        refuse("mine", pairs(options=[["a", "b"], ["c"]]), control)
    assert str(caught.value) == "datasets.mine: item 'r': found 1 responses; allowed: two"


def test_one_model_on_both_sides_is_for_the_control_only():
    same = pairs(sources=[["big", "small"], ["big", "big"]])
    refuse("mine", same, control=True)
    with pytest.raises(AnnobenchError) as caught:
        refuse("mine", same, control=False)
    assert str(caught.value) == (
        "datasets.mine: item 'r': found responses of 'big' on both sides, of which nothing can be "
        "learned about users; allowed: two models, or `control: true`"
    )


def test_a_damaged_writer_has_a_name_of_its_own():
    assert Writer(source="path:m").name == "path:m"
    assert Writer(source="path:m", temperature=0.5).name == "path:m"
    assert Writer(source="path:m", damage=0.25).name == "path:m, damage 0.25"


@pytest.mark.parametrize("kind", [Writer, RewardModel])
def test_a_model_that_cannot_be_fetched_is_refused(kind):
    with pytest.raises(ValidationError, match="source: found 'm'; allowed: wheel:NAME==VERSION"):
        kind(source="m")
    with pytest.raises(ValidationError, match="sha256: is missing"):
        kind(source="wheel:m==1")


@pytest.mark.parametrize("keys", [{"damage": -1}, {"temperature": 0}, {"tokens": 0}, {"lr": 1}])
def test_a_writers_keys(keys):
    with pytest.raises(ValidationError):
        Writer(source="path:m", **keys)


def test_the_reward_model_is_fetched():
    judge = RewardModel(source="path:judge")
    assert Pairs().models == ()
    assert Pairs(reward_model=judge).models == (judge,)
