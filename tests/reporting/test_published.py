"""The files of a paper's numbers, and ours of REALM against its notes."""

from pathlib import Path

import pytest

from annobench.errors import AnnobenchError
from annobench.reporting.published import read

REALM = Path(__file__).parents[2] / "studies" / "published" / "realm.csv"
HEAD = "table,row,column,value,unit,note,source,certainty\n"


def test_realms_numbers_are_those_that_were_published():
    single = read(REALM, "single-task")
    found = [(n.row, n.value) for n in single if n.column == "REALM"]
    assert found == [
        ("PubMedQA", "60.95"),
        ("PubMedQA", "62.1"),
        ("ARC", "62.85"),
        ("OBQA", "71.0"),
        ("PIQA", "77.67"),
        ("Riddle", "65.45"),
    ]
    assert {n.certainty for n in single if n.column == "REALM"} == {"S"}
    (gain,) = (n for n in single if n.column != "REALM")
    assert (gain.row, gain.value, gain.unit, gain.certainty) == ("PIQA", "50", "% at most", "P")
    (multi,) = read(REALM, "multi-task")
    assert (multi.row, multi.value) == ("ARC+OBQA+Riddle", "62.69")
    assert {n.source for n in [*single, multi]} == {"arXiv 2604.17289"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"p\.csv: found columns none; allowed: table, row"),
        ("table,row\n", r"p\.csv: found columns table, row; allowed"),
        (HEAD + "t,r,c,1,%,,s,S,more\n", r"p\.csv: row 2: allowed: 8 columns"),
        (HEAD + "t,r,c,1\n", r"p\.csv: row 2: allowed: 8 columns"),
        (HEAD + "t,r,c,much,%,,s,S\n", r"p\.csv: row 2: value: found 'much'; allowed: a number"),
        (HEAD + "t,r,c,1,%,,s,S\n", r"p\.csv: table 'u' is unknown: allowed: t"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, message):
    path = tmp_path / "p.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnnobenchError, match=message):
        read(path, "u")
