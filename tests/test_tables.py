import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annobench import seals, tables
from annobench.errors import AnnobenchError

TEXTS = ["annotator", "item", "text"]
SCHEMAS = {name: value for name, value in vars(tables).items() if isinstance(value, pa.Schema)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.parquet"


def annotations(**changes):
    frame = {"item": ["a", "b"], "label": [0, 1], "annotator": ["x", None]} | changes
    return pd.DataFrame(frame)


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_empty_table_survives_the_disk(name, path):
    empty = tables.empty(SCHEMAS[name])
    tables.write(path, empty, SCHEMAS[name])
    back = tables.read(path, SCHEMAS[name])
    assert back.columns.tolist() == SCHEMAS[name].names
    assert back.empty


def test_values_survive_the_disk(path):
    items = pd.DataFrame(
        {
            "gold": [1, None],
            "item": ["a", "b"],
            "task": "t",
            "split": "test",
            "prompt": ["ü?", ""],
            "options": [["x", "y"], []],
            "distribution": [[0.25, 0.75], None],
        }
    )
    tables.write(path, items, tables.ITEMS)
    back = tables.read(path, tables.ITEMS)
    assert back.columns.tolist() == tables.ITEMS.names
    assert back["gold"].tolist() == [1, pd.NA]
    assert back["prompt"].tolist() == ["ü?", ""]
    assert [list(options) for options in back["options"]] == [["x", "y"], []]
    assert back["distribution"][0].tolist() == [0.25, 0.75]
    assert back["distribution"][1] is None


def test_integers_stay_integers(path):
    big = 2**53 + 1  # is lost in a float
    tables.write(path, annotations(label=[big, 0]), tables.ANNOTATIONS)
    assert tables.read(path, tables.ANNOTATIONS)["label"].tolist() == [big, 0]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (annotations().drop(columns="item"), "column 'item' is missing"),
        (annotations(note="n"), "unexpected column 'note'"),
        (annotations(item=["a", None]), "does not fit its schema"),
        (annotations(label=["one", "two"]), "does not fit its schema"),
        (annotations(label=[0.5, 1.0]), "does not fit its schema"),
    ],
)
def test_a_frame_that_does_not_fit_is_not_written(path, frame, message):
    with pytest.raises(AnnobenchError, match=message) as caught:
        tables.write(path, frame, tables.ANNOTATIONS)
    assert str(path) in str(caught.value)
    assert not path.exists()


def written(path, table):
    """Write a table as another version of annobench might."""
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({seals.MARK: seals.BLANK})
    seals.seal(path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"item": ["a"], "label": [0]}, "column 'annotator' is missing; found: item, label"),
        ({"item": ["a"], "label": ["0"], "annotator": ["x"]}, "column 'label': found type string"),
        (
            {"label": [0, 1], "first": [0, 1], "corrupted": [True, True]}
            | {name: ["x", "y"] for name in TEXTS}
            | {"item": [None, "a"]},
            "'item': 1 empty",
        ),
    ],
)
def test_a_file_of_another_schema_is_refused(path, columns, message):
    written(path, pa.table(columns))
    with pytest.raises(AnnobenchError, match=message) as caught:
        tables.read(path, tables.ANNOTATIONS)
    assert str(path) in str(caught.value)


def test_extra_columns_and_large_strings_of_others_are_read(path):
    large = pa.array(["a"], pa.large_string())
    known = {"label": [3], "first": [0], "corrupted": [True]}
    written(path, pa.table({"x": [1], **dict.fromkeys(TEXTS, large)} | known))
    back = tables.read(path, tables.ANNOTATIONS)
    one = {"label": 3, "first": 0, "corrupted": True}
    assert back.to_dict("records") == [dict.fromkeys(TEXTS, "a") | one]


def test_a_truncated_file_is_named(path):
    with pytest.raises(AnnobenchError, match=r"table\.parquet: cannot be read as parquet"):
        tables.read(path, tables.ANNOTATIONS)
    tables.write(path, annotations(), tables.ANNOTATIONS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(AnnobenchError, match=r"table\.parquet: is damaged"):
        tables.read(path, tables.ANNOTATIONS)


def test_stack():
    column = pd.Series([[1.0, 2.0], [], np.array([3.0])])
    assert tables.stack(column, 2).tolist() == [[1, 2], [0, 0], [3, 0]]
    assert tables.stack(column, 3, -1).tolist() == [[1, 2, -1], [-1, -1, -1], [3, -1, -1]]


def test_what_a_row_leaves_out_is_null():
    rows = [{"item": "q", "gold": 2, "labels": [2, 2]}, {"item": "r"}]
    found = tables.frame(rows, tables.ITEMS)
    assert list(found) == tables.ITEMS.names
    assert found["gold"].astype(object).tolist() == [2, pd.NA]
    assert found["labels"].tolist() == [[2, 2], None]
    assert found["annotators"].tolist() == [None, None]
    assert list(tables.frame([], tables.ITEMS)) == tables.ITEMS.names


def test_read_all_reads_as_read_does(tmp_path):
    paths = [tmp_path / f"{name}.parquet" for name in "abc"]
    frames = [annotations(), tables.empty(tables.ANNOTATIONS), annotations(label=[2, None])]
    for path, frame in zip(paths, frames, strict=True):
        tables.write(path, frame, tables.ANNOTATIONS)
    for path, found in zip(paths, tables.read_all(paths, tables.ANNOTATIONS), strict=True):
        alone = tables.read(path, tables.ANNOTATIONS)
        pd.testing.assert_frame_equal(found, alone, check_dtype=False)
    assert tables.read_all([], tables.ANNOTATIONS) == []


@pytest.mark.parametrize("other", [{"label": [None, 1]}, {"corrupted": [None, True]}])
def test_the_types_of_a_table_do_not_depend_on_those_read_with_it(tmp_path, other):
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    tables.write(one, annotations(corrupted=[True, False]), tables.ANNOTATIONS)
    tables.write(two, annotations(**other), tables.ANNOTATIONS)
    [alone] = tables.read_all([one], tables.ANNOTATIONS)
    pd.testing.assert_frame_equal(tables.read_all([one, two], tables.ANNOTATIONS)[0], alone)


def test_lists_of_what_is_no_text_are_one_sentence(path):
    broken = pa.array([b"\xff"]).cast(pa.string(), safe=False)
    columns = {field.name: pa.nulls(1, field.type) for field in tables.ITEMS}
    columns |= dict.fromkeys(["item", "task", "split", "prompt"], pa.array(["a"]))
    columns["options"] = pa.ListArray.from_arrays([0, 1], broken)
    written(path, pa.table(columns))
    with pytest.raises(AnnobenchError, match=r"table\.parquet.*cannot be read as"):
        tables.read_all([path], tables.ITEMS)


def test_read_all_names_a_broken_file(path, tmp_path):
    tables.write(path, annotations(), tables.ANNOTATIONS)
    with pytest.raises(AnnobenchError, match=r"other\.parquet"):
        tables.read_all([path, tmp_path / "other.parquet"], tables.ANNOTATIONS)


def test_numbers():
    flat, begin = tables.numbers(pd.Series([[1.0, 2.0], [], np.array([3.0])]))
    assert flat.tolist() == [1, 2, 3]
    assert begin.tolist() == [0, 2, 2]
