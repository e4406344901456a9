from pathlib import Path

import pandas as pd
import pytest

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.noise import observed
from annobench.noise.observed import Settings


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


ITEMS = pd.DataFrame(
    {
        "item": ["q1", "q2", "q,3"],
        "split": ["train", "test", "train"],
        "options": [["red", "blue"], ["blue", "NA"], ["0", "1"]],
        "gold": pd.array([None, None, None], "Int64"),
    }
)


def annotate(text, name="labels.csv", **keys):
    Path(name).write_text(text, encoding="utf-8")
    return observed.annotate(ITEMS, None, Settings(path=name, **keys), None)


def mistakes(text, **keys):
    with pytest.raises(AnnobenchError) as caught:
        annotate(text, **keys)
    return str(caught.value).splitlines()


def test_labels_of_every_split_are_read_and_nothing_is_known_of_the_truth():
    found, truth = annotate('item,annotator,label\nq1,7,blue\nq2,7,NA\n"q,3",Zoë,0\nq1,NA,red\n')
    assert truth.empty
    tables.write(Path("a.parquet"), found, tables.ANNOTATIONS)
    tables.write(Path("t.parquet"), truth, tables.TRUTH)
    back = tables.read(Path("a.parquet"), tables.ANNOTATIONS)
    assert back["item"].tolist() == ["q1", "q2", "q,3", "q1"]
    assert back["annotator"].tolist() == ["7", "7", "Zoë", "NA"]
    assert back["label"].tolist() == [1, 1, 0, 0]
    assert not observed.has_truth(Settings(path="labels.csv"))


def test_bad_rows_are_listed_with_their_lines():
    assert mistakes(
        "item,annotator,label\n"
        "q1,ann,red\n"
        'q2,"a\nb",NA\n'
        "q1,ann,blue\n"
        "q9,ann,red\n"
        "q2,ann,green\n"
        "q2,,NA\n"
        "q1,bob,\n"
        "q1,bob,2\n"
        "q2\n"
    ) == [
        "labels.csv: found 7 bad of 9 rows; allowed: none",
        "  line 5: duplicate: a second label of item 'q1' by annotator 'ann'",
        "  line 6: unknown item 'q9'",
        "  line 7: unknown option 'green' of item 'q2'; allowed: the text of one of 'blue', 'NA'",
        "  line 8: empty annotator",
        "  line 9: empty label",
        "  line 10: unknown option '2' of item 'q1'; allowed: the text of one of 'red', 'blue'",
        "  line 11: found 1 cells; allowed: 3",
    ]


@pytest.mark.parametrize(
    ("labels", "written", "label"), [("text", "0", 0), ("position", "1", 1), ("letter", "B", 1)]
)
def test_a_label_is_read_as_the_study_says(labels, written, label):
    found, _ = annotate(f'item,annotator,label\n"q,3",a,{written}\n', labels=labels)
    assert found["label"].tolist() == [label]


def test_anonymous_labels():
    text = "item,label\nq1,red\nq1,red\n"
    assert mistakes(text) == ["labels.csv: column 'annotator' is missing; found: 'item', 'label'"]
    found, _ = annotate(text, anonymous=True)
    assert found["annotator"].isna().all()
    assert len(found) == 2
    assert not observed.has_annotator_ids(Settings(path="labels.csv", anonymous=True))
    named, _ = annotate("item,annotator,label\nq1,ann,red\n", anonymous=True)
    assert named["annotator"].isna().all()


def test_the_same_labels_from_json_lines_and_parquet():
    frame = pd.DataFrame({"item": ["q1", "q2"], "annotator": [7, 8], "label": ["red", "NA"]})
    frame.to_parquet("labels.parquet")
    lines, _ = annotate(frame.to_json(orient="records", lines=True), "labels.jsonl")
    columns, _ = observed.annotate(ITEMS, None, Settings(path="labels.parquet"), None)
    pd.testing.assert_frame_equal(lines, columns)
    assert columns["annotator"].tolist() == ["7", "8"]
    assert Settings(path="a/labels.parquet").files == ("a/labels.parquet",)


def test_a_list_where_a_name_belongs_is_a_bad_row():
    Path("labels.jsonl").write_text('{"item": ["q1"], "annotator": {}, "label": [1]}\n')
    with pytest.raises(AnnobenchError, match=r"line 1: unknown item '\[\"q1\"\]'"):
        observed.annotate(ITEMS, None, Settings(path="labels.jsonl"), None)


PEOPLE = ITEMS.assign(
    labels=[[1, 0, 1], None, [0]], annotators=[["ann", "bob", "cleo"], None, ["ann"]]
)


def test_without_a_file_the_labels_are_the_data_sets_own():
    found, truth = observed.annotate(PEOPLE, None, Settings(), None)
    assert truth.empty
    assert found["first"].isna().all()
    assert found.drop(columns="first").to_dict("list") == {
        "item": ["q1", "q1", "q1", "q,3"],
        "label": [1, 0, 1, 0],
        "annotator": ["ann", "bob", "cleo", "ann"],
    }
    assert observed.has_annotator_ids(Settings())
    assert Settings().files == ()


@pytest.mark.parametrize(
    ("items", "keys"),
    [(PEOPLE, {"anonymous": True}), (PEOPLE.assign(annotators=None), {}), (PEOPLE[:1], {})],
)
def test_the_data_sets_own_labels_survive_the_disk(items, keys):
    whole = items.assign(task="t", prompt="?")
    tables.write(Path("items.parquet"), whole, tables.ITEMS)
    found, _ = observed.annotate(
        tables.read(Path("items.parquet"), tables.ITEMS), None, Settings(**keys), None
    )
    tables.write(Path("a.parquet"), found, tables.ANNOTATIONS)
    back = tables.read(Path("a.parquet"), tables.ANNOTATIONS)
    assert back["label"].tolist() == [1, 0, 1, 0][: len(back)]
    signed = items["annotators"].notna().any() and not keys
    assert back["annotator"].notna().all() if signed else back["annotator"].isna().all()


def test_which_option_was_shown_first_comes_along():
    pairs = PEOPLE.assign(firsts=[[0, 0, 1], None, None])
    found, _ = observed.annotate(pairs, None, Settings(), None)
    assert found["first"].tolist() == [0, 0, 1, pd.NA]
    tables.write(Path("a.parquet"), found, tables.ANNOTATIONS)
    back = tables.read(Path("a.parquet"), tables.ANNOTATIONS)["first"]
    assert back.dropna().tolist() == [0, 0, 1]


def test_a_data_set_without_labels():
    with pytest.raises(AnnobenchError, match="without `path`: found no labels with the data set's"):
        observed.annotate(ITEMS, None, Settings(), None)
