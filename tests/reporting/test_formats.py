import html
import shutil
import subprocess

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from annobench.reporting.formats import (
    WRITERS,
    Estimate,
    latex_text,
    markdown_text,
    number,
    write_csv,
    write_latex,
    write_markdown,
)

TRICKS = [
    "<script>alert(1)</script>",
    "a|b",
    "**bold** _it_ `code`",
    "[x](javascript:alert(1))",
    "![i](http://x/y.png)",
    "https://example.org www.example.org me@example.org",
    "&lt; &amp; \\",
    "# head\n- item",
    "50% of $5 #1 {a}_b^c~d",
    "--- '' `` \" <>",
    "[0.1] * x",
]

FRAME = pd.DataFrame(
    {
        "method": ["sft", "realm", "lost"],
        "seeds": [3, 3, 0],
        "accuracy": [
            Estimate(0.63041, 0.5, 0.75, rank=2),
            Estimate(0.71, 0.6, 0.8, rank=1),
            Estimate(None, note="diverged"),
        ],
        "cost": [-12.345, None, 4321.0],
    }
)


def test_csv_holds_raw_numbers(tmp_path):
    write_csv(tmp_path / "t.csv", FRAME)
    found = pd.read_csv(tmp_path / "t.csv")
    parts = [f"accuracy {part}" for part in ("mean", "low", "high", "rank", "note")]
    assert list(found) == ["method", "seeds", *parts, "cost"]
    assert found["accuracy mean"].tolist()[:2] == [0.63041, 0.71]
    assert found.loc[2, parts].tolist()[-1] == "diverged"
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "sft,3,0.63041,0.5,0.75,2,,-12.345"


def test_markdown_by_hand(tmp_path):
    write_markdown(tmp_path / "t.md", FRAME)
    assert (tmp_path / "t.md").read_text() == (
        "| method | seeds | accuracy | cost |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| sft | 3 | 0.630² [0.500, 0.750] | \N{MINUS SIGN}12.3 |\n"
        "| realm | 3 | **0.710**¹ [0.600, 0.800] | \N{EN DASH} |\n"
        "| lost | 0 | \N{EN DASH} (diverged) | 4,321 |\n"
    )


def test_latex_by_hand(tmp_path):
    write_latex(tmp_path / "t.tex", FRAME)
    lines = (tmp_path / "t.tex").read_text().splitlines()
    assert lines[0] == r"\begin{tabular}{@{}lrrr@{}}"
    assert lines[4] == r"sft & 3 & 0.630$^{2}$ {\scriptsize {[}0.500, 0.750{]}} & $-$12.3 \\"
    assert lines[5] == r"realm & 3 & \textbf{0.710}$^{1}$ {\scriptsize {[}0.600, 0.800{]}} & -- \\"
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]


def shown(cell: str) -> tuple[str, set[str]]:
    """What a reader of GitHub Markdown sees in a table's cell, and the kinds of marks in it."""
    reader = MarkdownIt("gfm-like", {"linkify": False}).enable("table")
    tokens = reader.parse(f"| head |\n| --- |\n| {cell} |\n")
    (inline,) = [token for token in tokens if token.type == "inline"][1:]
    return (
        "".join(child.content for child in inline.children),
        {child.type for child in inline.children} - {"text", "text_special"},
    )


@pytest.mark.parametrize("trick", TRICKS)
def test_markdown_tricks_come_out_as_text(trick):
    assert shown(markdown_text(trick)) == (" ".join(trick.split()), set())


@given(st.text(st.characters(codec="ascii", categories=["P", "S", "L", "N"]), min_size=1))
def test_any_ascii_comes_out_of_markdown_as_text(text):
    assert shown(markdown_text(text)) == (text, set())


def test_markdown_makes_no_links():
    text = markdown_text("https://a.org WWW.a.org me@a.org")
    assert "://" not in text
    assert "WWW." not in text
    assert "@" not in text
    assert html.unescape(text) == "https://a.org WWW.a.org me@a.org"


def test_latex_specials_by_hand():
    assert latex_text(r"50% & $x_1 \input{f}") == (r"50\% \& \$x\_1 \textbackslash{}input\{f\}")
    assert latex_text("half-good --x [a]*") == "half-good {-}{-}x {[}a{]}{*}"
    assert latex_text("a\0b") == markdown_text("a\0b") == "a b"
    assert latex_text("a\n\\\\b") == r"a \textbackslash{}\textbackslash{}b"


@given(st.text(st.characters(codec="ascii", categories=["P", "S", "L", "N", "Z"])))
def test_latex_has_no_bare_specials(text):
    """Undo the escapes one by one: the text must be left, and nothing else."""
    undone = {
        r"\textbackslash{}": "\\",
        r"\textasciitilde{}": "~",
        r"\textasciicircum{}": "^",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\textbar{}": "|",
        r"\textquotedbl{}": '"',
        r"\textquotesingle{}": "'",
        r"\textasciigrave{}": "`",
        **{f"\\{mark}": mark for mark in "&%$#_{}"},
        **{f"{{{mark}}}": mark for mark in "[]*-"},
    }
    escaped, seen = latex_text(text), ""
    while escaped:
        match = next((e for e in undone if escaped.startswith(e)), None)
        if match is None:
            assert escaped[0] not in "\\~^<>|\"'`&%$#_{}[]*"
            match, mark = escaped[0], escaped[0]
        else:
            mark = undone[match]
        seen, escaped = seen + mark, escaped[len(match) :]
    assert seen.split() == text.split()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(tmp_path):
    write_latex(tmp_path / "t.tex", pd.DataFrame({"name": TRICKS}))
    (tmp_path / "main.tex").write_text(
        r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,textcomp}"
        r"\begin{document}\input{t.tex}\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_without_rows_has_its_head(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    WRITERS[suffix](path, FRAME.iloc[:0])
    assert "accuracy" in path.read_text()


def test_number():
    assert [number(x) for x in (0.12345, -0.5, 12.34, 123456.7)] == [
        "0.123",
        "\N{MINUS SIGN}0.500",
        "12.3",
        "123,457",
    ]
