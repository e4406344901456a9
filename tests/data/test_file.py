import json
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from annobench import tables
from annobench.data import file
from annobench.errors import AnnobenchError
from annobench.stages.prepare import prepare


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def items(text, name="items.csv", **keys):
    Path(name).write_text(text, encoding="utf-8")
    found = prepare("mine", "file", file.Settings(path=name, **keys))
    tables.write(Path("out.parquet"), found, tables.ITEMS)
    return tables.read(Path("out.parquet"), tables.ITEMS)


def mistakes(text, name="items.csv", **keys):
    with pytest.raises(AnnobenchError) as caught:
        items(text, name, **keys)
    return str(caught.value).splitlines()


def test_one_column_for_each_option():
    found = items(
        "item,prompt,option_1,option_2,option_10,gold,split,task,note\n"
        '007,"Is it, so?",yes,no,,no,train,t,x\n'
        "q2,Which?,a,b,NA,,test,u,y\n"
    )
    assert found["item"].tolist() == ["007", "q2"]
    assert found["prompt"].tolist() == ["Is it, so?", "Which?"]
    assert [list(own) for own in found["options"]] == [["yes", "no"], ["a", "b", "NA"]]
    assert found["gold"].tolist()[0] == 1
    assert found["gold"].isna().tolist() == [False, True]
    assert found["split"].tolist() == ["train", "test"]
    assert found["task"].tolist() == ["t", "u"]


def test_a_list_of_options_in_each_format():
    rows = [
        {"item": "a", "prompt": "?", "options": ["x|y", "z, w"], "gold": "z, w", "split": "train"},
        {"item": "b", "prompt": "?", "options": ["1", "2", "3"], "gold": None, "split": "test"},
    ]
    lines = "\n".join(map(json.dumps, rows))
    frame = pd.DataFrame(rows)
    frame.to_parquet("items.parquet")
    frame["options"] = frame["options"].map(json.dumps)
    found = [
        items(frame.to_csv(index=False)),
        items(lines, "items.jsonl"),
        items(lines, "items.ndjson"),
        prepare("mine", "file", file.Settings(path="items.parquet")),
    ]
    for one in found:
        assert [list(own) for own in one["options"]] == [["x|y", "z, w"], ["1", "2", "3"]]
        assert one["gold"].tolist()[0] == 1
        assert one["gold"].isna().tolist() == [False, True]
        assert one["task"].unique().tolist() == ["mine"]


@pytest.mark.parametrize(("labels", "gold"), [("text", "1"), ("letter", "B"), ("position", "1")])
def test_gold_is_read_as_the_study_says(labels, gold):
    text = f"item,prompt,option_1,option_2,split,gold\nq,?,1,0,train,{gold}\n"
    assert items(text, labels=labels)["gold"].tolist() == [0 if labels == "text" else 1]


def test_bad_rows_are_listed_all_at_once():
    found = mistakes(
        "item,prompt,option_1,option_2,option_3,gold,split,task\n"
        ",?,a,b,,a,train,t\n"
        "q1,?,a,b,,a,train,t\n"
        "q1,?,a,b,,a,train,t\n"
        "q2, ,a,b,,a,train,t\n"
        "q3,?,a,,,a,train,t\n"
        "q4,?,a,,b,a,train,t\n"
        "q5,?,a,b,a,a,train,t\n"
        "q6,?,a,b,,c,train,t\n"
        "q7,?,a,b,,a,train,\n"
        "q8,?,a,b,,a,dev,t\n"
        "q9,?,a\n"
    )
    assert found == [
        "items.csv: found 10 bad of 11 rows; allowed: none",
        "  line 2: empty item",
        "  line 4: duplicate item 'q1'",
        "  line 5: empty prompt",
        "  line 6: found 1 options; allowed: a list of two or more",
        "  line 7: empty option among 'a', '', 'b'",
        "  line 8: equal options 'a', 'b', 'a'; allowed: different ones",
        "  line 9: unknown gold 'c' of item 'q6'; allowed: the text of one of 'a', 'b'",
        "  line 10: empty task",
        "  line 11: unknown split 'dev'; allowed: train, validation, test",
        "  line 12: found 3 cells; allowed: 8",
    ]


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        ("item,prompt\nq,?\n", {}, "options: found none; allowed: a column options, or option_1"),
        ("item,prompt,options,option_1\nq,?,a,b\n", {}, "options: found both; allowed: "),
        ("item,prompt,option_1,option_2,split\nq,?,a,b,test\n", {}, "found no training items"),
        (
            "item,prompt,option_1,option_2,split\nq,?,a,b,train\n",
            {"test": 0.2},
            "column 'split': found beside the keys `test` or `validation`; allowed: ",
        ),
        ("item,prompt,options\nq,?,a|b\n", {}, "found 1 bad of 1 rows"),
    ],
)
def test_other_trouble(text, keys, message):
    assert mistakes(text, **keys)[0].startswith(f"items.csv: {message}")


def many(count):
    rows = "".join(f"q{number},?,a,b\n" for number in range(count))
    return "item,prompt,option_1,option_2\n" + rows


@pytest.mark.parametrize(
    ("keys", "sizes"),
    [
        ({}, {"train": 40, "test": 10}),
        ({"test": 7, "validation": 0.1}, {"train": 38, "test": 7, "validation": 5}),
        ({"test": 0}, {"train": 50}),
    ],
)
def test_a_file_without_splits_is_split_at_random(keys, sizes):
    found = items(many(50), **keys)
    assert found["split"].value_counts().to_dict() == sizes
    pd.testing.assert_frame_equal(found, items(many(50), **keys))
    assert found["item"].tolist() == [f"q{number}" for number in range(50)]


def test_more_test_items_than_items_leave_nothing_to_train():
    assert "found no training items" in mistakes(many(5), test=9)[0]


@pytest.mark.parametrize("keys", [{"path": "items.txt"}, {"path": "i.csv", "test": 1.5}])
def test_settings_refuse(keys):
    with pytest.raises(ValidationError):
        file.Settings(**keys)


def test_the_workflow_watches_the_file():
    assert file.Settings(path="a/items.csv").files == ("a/items.csv",)
