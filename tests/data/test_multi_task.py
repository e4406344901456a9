import json
from collections import Counter

import pytest

from annobench.data import multi_task, openbookqa
from annobench.errors import AnnobenchError
from annobench.study import Study, parse_study

REALM = {"arc": {"part": "both", "train": 6}, "openbookqa": None, "riddlesense": {"test": 4}}
TWICE = {
    "few": {"kind": "openbookqa", "train": 5, "test": 2},
    "many": {"kind": "openbookqa", "train": 9, "test": 2},
    "geo": {"train": 3, "test": 2},
}


def study(parts):
    return {
        "study": "small",
        "datasets": {"all": {"kind": "multi-task", "parts": parts}},
        "models": {"model": {"source": "path:model"}},
        "methods": {"zero-shot": {}},
    }


def test_the_parts_of_realm(one):
    found = one(multi_task, parts=REALM)
    assert Counter(zip(found["task"], found["split"], strict=True)) == {
        ("arc-challenge", "train"): 6,
        ("arc-challenge", "test"): 12,
        ("arc-easy", "train"): 6,
        ("arc-easy", "test"): 24,
        ("openbookqa", "train"): 40,
        ("openbookqa", "test"): 12,
        ("riddlesense", "train"): 40,
        ("riddlesense", "test"): 4,
    }
    item = found.loc["openbookqa/train-id-5"]
    assert item["prompt"] == "Which is train 5?"
    assert item["gold"] == 1


def test_a_task_of_several_parts_is_told_apart_by_part(one):
    found = one(multi_task, parts=TWICE)
    assert Counter(found["task"]) == {"few/openbookqa": 7, "many/openbookqa": 11, "city": 5}
    assert found.index.is_unique
    assert found.index.str.split("/").str[0].value_counts().to_dict() == {
        "few": 7,
        "many": 11,
        "geo": 5,
    }


def test_a_part_draws_like_a_data_set_of_its_name(one, hub_root):
    found = one(multi_task, parts=TWICE)
    alone = openbookqa.items("mine/few", openbookqa.Settings(train=5, test=2), hub_root)
    assert list(found.index[:7]) == [f"few/{item}" for item in alone["item"]]


def test_it_survives_json_with_every_key_of_its_parts():
    parsed = parse_study(study(REALM), "")
    again = Study.model_validate(json.loads(json.dumps(parsed.model_dump(mode="json"))))
    assert again == parsed
    assert parsed.datasets["all"].parts["openbookqa"] == {
        "kind": "openbookqa",
        "train": None,
        "validation": 0,
        "test": None,
    }


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"arc": {"trian": 3}, "geo": {}}, "arc: key 'trian' is unknown: did you mean 'train'?"),
        ({"arc": {"train": -3}, "geo": {}}, "arc: train: found -3; allowed: greater than or equal"),
        ({"arc": {"training": {}}, "geo": {}}, "arc: key 'training' is unknown"),
        ({"arc": {}, "two": {"kind": "opnbookqa"}}, "two: kind 'opnbookqa' is unknown: did you"),
        ({"arc": {}, "multi-task": {"parts": {}}}, "kind 'multi-task' is unknown: allowed: arc,"),
        (
            {"arc": {}, "helpsteer": {}},
            "helpsteer: found kind 'helpsteer', whose items are pairs of responses; allowed:",
        ),
        ({"arc": {}, "drop": {}}, "drop: found kind 'drop', whose items have no options; allowed:"),
        ({"arc": {}, "two": {"kind": 3}}, "two: kind 3 is unknown: allowed: arc,"),
        ({"arc": {}, "Two": {"kind": "arc"}}, "Two: found 'Two'; allowed: what matches"),
        ({"arc": {}, "geo": 5}, "geo: found 5; allowed: keys with their values"),
        ({"arc": {}}, "allowed: 2 or more"),
        ({}, "found {}; allowed: 2 or more"),
        (7, "found 7; allowed: keys with their values"),
    ],
)
def test_parts_that_cannot_be(parts, said):
    with pytest.raises(AnnobenchError) as caught:
        parse_study(study(parts), "study.yaml")
    assert str(caught.value).startswith("study.yaml: datasets.all.parts: ")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
