import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annobench import own
from annobench.errors import AnnobenchError

NAMES = ("item", "annotator", "label")
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def table(tmp_path, text, name="labels.csv", required=NAMES):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return own.read(path, required)


def refusal(found, *checks):
    with pytest.raises(AnnobenchError) as caught:
        found.refuse(checks)
    return str(caught.value).splitlines()


def test_every_cell_is_the_text_that_was_written(tmp_path):
    found = table(tmp_path, "item,annotator,label\n007,1.0,NA\n1e3,true,nan\n 2021-01-01,,x \n")
    assert found.frame.astype(object).where(found.frame.notna(), None).to_numpy().tolist() == [
        ["007", "1.0", "NA"],
        ["1e3", "true", "nan"],
        [" 2021-01-01", None, "x "],
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_the_files_own(tmp_path, end):
    """A quoted cell of three lines, a blank line, and a short row at the end."""
    lines = ["item,annotator,label", '"a', "b", 'c",ann,x', "", "q,bob,y", "r,bob"]
    found = table(tmp_path, end.join(lines))
    assert list(found.lines) == [2, 6, 7]
    assert found.frame["item"][0] == end.join(["a", "b", "c"])
    head, reason = refusal(found)
    assert head == f"{found.path}: found 1 bad of 3 rows; allowed: none"
    assert reason == "  line 7: found 2 cells; allowed: 3"


def test_at_most_twenty_bad_rows_are_listed_and_all_are_counted(tmp_path):
    text = "item,annotator,label\n" + "".join(f"q{n},,x\n" for n in range(25))
    found = table(tmp_path, text)
    head, *reasons, more = refusal(found, found.empty("annotator"))
    assert "found 25 bad of 25 rows" in head
    assert reasons == [f"  line {n + 2}: empty annotator" for n in range(20)]
    assert more == "  and 5 more"


def test_a_row_has_the_first_reason_that_fits(tmp_path):
    found = table(tmp_path, "item,annotator,label\n,,x\n, ,\nq,a,x\n")
    checks = [found.empty("item"), found.empty("annotator")]
    assert [line.split(": ")[1] for line in refusal(found, *checks)[1:]] == ["empty item"] * 2
    found.refuse([])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found no rows; allowed: one or more"),
        ("item,annotator,label\n", "found no rows; allowed: one or more"),
        ("item, annotator,label\nq,a,x\n", "column 'annotator' is missing; found: 'item', ' annot"),
        (
            "item;annotator;label\nq;a;x\n",
            "column 'item' is missing; found: 'item;annotator;label'",
        ),
        ("item,item,label\nq,a,x\n", "column 'item' found twice; allowed: once"),
        ('item,annotator,label\nq,"a"b,x\n', "line 2: ',' expected after '\"'; allowed: CSV"),
        ('item,annotator,label\nq,"a,x\n', "line 2: unexpected end of data; allowed: CSV"),
        ("item,annotator,label\nq,Zoë,x\n".encode("latin-1"), "found byte 0xeb; allowed: UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(tmp_path, text, message):
    with pytest.raises(AnnobenchError) as caught:
        table(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'labels.csv'}: {message}")


def test_a_missing_file_and_an_unknown_format(tmp_path):
    with pytest.raises(AnnobenchError, match=r"no\.csv: cannot be read: No such file"):
        own.read(tmp_path / "no.csv", NAMES)
    with pytest.raises(AnnobenchError, match=r"found suffix '\.xlsx'; allowed: \.csv, \.jsonl, "):
        own.read(tmp_path / "labels.xlsx", NAMES)
    (tmp_path / "labels.parquet").write_bytes(b"PAR1")
    with pytest.raises(AnnobenchError, match=r"labels\.parquet: cannot be read as parquet"):
        own.read(tmp_path / "labels.parquet", NAMES)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    assert table(tmp_path, b"\xef\xbb\xbfitem,annotator,label\nq,a,x\n").frame["item"][0] == "q"


def test_json_lines(tmp_path):
    lines = [
        '{"item": 7, "label": "x", "options": ["a", 2]}',
        "",
        '{"item": 1.50, "label": true}',
        "[1]",
        '{"item": "q", "label": null',
        '{"item": "\\ud800", "label": "x"}',
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = own.read(tmp_path / "labels.jsonl", ("item", "label"), lists=("options",))
    assert found.frame["item"].tolist()[:2] == ["7", "1.5"]
    assert found.frame["label"].tolist()[:2] == ["x", "true"]
    assert found.frame["options"][0] == ["a", "2"]
    assert list(found.lines) == [1, 3, 4, 5, 6]
    assert [line.split(":")[0] for line in refusal(found)[1:]] == [
        "  line 4",
        "  line 5",
        "  line 6",
    ]


def test_parquet_is_read_as_the_same_text(tmp_path):
    frame = pd.DataFrame({"item": [7, 8], "label": ["x", None], "options": [["a", "b"], ["c"]]})
    frame.to_parquet(tmp_path / "items.parquet")
    found = own.read(tmp_path / "items.parquet", ("item",), lists=("options",))
    assert found.frame["item"].tolist() == ["7", "8"]
    assert found.frame["options"].tolist() == [["a", "b"], ["c"]]
    assert refusal(found, found.empty("label"))[1:] == ["  row 2: empty label"]


OPTIONS = [["red", "blue"], ["blue", "red", "1"], []]


@pytest.mark.parametrize(
    ("labels_are", "labels", "expected"),
    [
        ("text", ["red", "red", "1", "green", "red", None, "red"], [0, 1, 2, -1, -1, -1, -1]),
        ("letter", ["A", "B", "C", "C", "A", "a", "A"], [0, 1, 2, -1, -1, -1, -1]),
        ("position", ["0", "1", "2", "2", "0", "01", "0"], [0, 1, 2, -1, -1, -1, -1]),
    ],
)
def test_a_label_names_an_option_in_one_way_only(labels_are, labels, expected):
    rows = np.array([0, 1, 1, 0, 2, 0, -1])
    found = own.positions(pd.Series(labels, dtype="str"), labels_are, rows, OPTIONS)
    assert found.tolist() == expected


@given(
    options=st.lists(st.lists(texts, min_size=1, max_size=4, unique=True), min_size=1, max_size=5),
    picks=st.lists(st.tuples(st.integers(0, 99), texts), min_size=1, max_size=9),
)
def test_positions_agree_with_looking_each_label_up(options, picks):
    rows = np.array([number % len(options) for number, _ in picks])
    labels = [
        (options[row] + [text])[number % (len(options[row]) + 1)]
        for row, (number, text) in zip(rows, picks, strict=True)
    ]
    found = own.positions(pd.Series(labels, dtype="str"), "text", rows, options)
    wanted = [
        options[row].index(label) if label in options[row] else -1
        for row, label in zip(rows, labels, strict=True)
    ]
    assert found.tolist() == wanted


@in_one_folder
@given(content=st.text() | st.binary() | st.text('",\n\rab').map("item,annotator,label\n".__add__))
@pytest.mark.parametrize("name", ["any.csv", "any.jsonl", "any.parquet"])
def test_any_content_is_a_table_or_one_message(tmp_path, name, content):
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        found = table(tmp_path, data, name)
        found.refuse(found.empty(column) for column in NAMES)
        message = ""
    except AnnobenchError as error:
        message = str(error)
    assert message == "" or message.startswith(f"{tmp_path / name}: ")


@in_one_folder
@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=6))
def test_odd_names_come_back_as_they_were(tmp_path, rows):
    """Commas, quotes, line breaks and any character, through CSV and JSON lines."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([NAMES, *rows])
    lines = [json.dumps(dict(zip(NAMES, row, strict=True)), ensure_ascii=False) for row in rows]
    for name, text in (("odd.csv", written.getvalue()), ("odd.jsonl", "\n".join(lines))):
        found = table(tmp_path, text, name)
        assert list(found.frame[list(NAMES)].itertuples(index=False, name=None)) == rows
