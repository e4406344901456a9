"""Frames of estimates as CSV (raw numbers), Markdown and LaTeX (to be read).

Names and reasons are data: in Markdown and LaTeX they come out as the text they are, whatever marks
they hold. CSV keeps every value as it is.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from annobench.files import csv_text, write_text

Row = pd.Series | Mapping[Any, Any]
"""Of a table; column -> value."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval, its rank, and a note where something is missing."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    rank: int | None = None
    note: str = ""


def estimate(row: Row, mean: str = "mean", note: str = "") -> Estimate:
    """From a row of `tables.SUMMARY`, or with another column for the mean; nulls become None."""
    values = {name: row[name] for name in (mean, "low", "high", "rank") if name in row}
    known = {name: value for name, value in values.items() if not pd.isna(value)}
    rank = int(known["rank"]) if "rank" in known else None
    return Estimate(known.get(mean), known.get("low"), known.get("high"), rank, note)


def percent(row: Row, note: str = "") -> Estimate:
    """As `estimate`, of a row whose mean is a share."""
    return estimate(
        {**row, **{part: 100 * row[part] for part in ("mean", "low", "high")}}, note=note
    )


def relative(pair: pd.Series | None, base: float) -> Estimate:
    """A paired difference, a row of `tables.COMPARISONS`, in percent of the other's mean, which is
    held fixed; null if there is no pair or that mean is not above 0."""
    if pair is None or not base > 0:
        return Estimate(None, note="nothing to compare")
    return Estimate(*(100 * pair[part] / base for part in ("difference", "low", "high")))


_PARTS = ("mean", "low", "high", "rank", "note")
_DASH = "\N{EN DASH}"
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Unrounded; a column of estimates becomes `<column> mean`, low, high, rank and note."""
    columns: dict[str, Any] = {}
    for name in frame.columns:
        values = frame[name].tolist()
        if any(isinstance(value, Estimate) for value in values):
            for part in _PARTS:
                columns[f"{name} {part}"] = [getattr(value, part, None) for value in values]
            columns[f"{name} rank"] = pd.array(columns[f"{name} rank"], "Int64")
        else:
            columns[str(name)] = values
    write_text(path, csv_text(pd.DataFrame(columns)))


def write_markdown(path: Path, frame: pd.DataFrame) -> None:
    """A GitHub table. Superscripts are ranks; bold is rank 1."""
    rows = [[markdown_text(str(name)) for name in frame.columns], _rules(frame)]
    rows += [[_markdown(value) for value in row] for row in frame.itertuples(index=False)]
    write_text(path, "".join(f"| {' | '.join(row)} |\n" for row in rows))


def write_latex(path: Path, frame: pd.DataFrame) -> None:
    """A `tabular` for the booktabs package, to be put into a table environment."""
    alignment = "".join("r" if rule.endswith(":") else "l" for rule in _rules(frame))
    rows = [[latex_text(str(name)) for name in frame.columns]]
    rows += [[_latex(value) for value in row] for row in frame.itertuples(index=False)]
    lines = [" & ".join(row) + r" \\" for row in rows]
    body = ["\\toprule", lines[0], "\\midrule", *lines[1:], "\\bottomrule"]
    text = "\n".join([f"\\begin{{tabular}}{{@{{}}{alignment}@{{}}}}", *body, "\\end{tabular}"])
    write_text(path, text + "\n")


def write_html(path: Path, frame: pd.DataFrame) -> None:
    """A page of one table, for the report. Superscripts are ranks; bold is rank 1."""
    head = "".join(f"<th>{html_text(str(name))}</th>" for name in frame.columns)
    rows = [
        "".join(f"<td>{_html(value)}</td>" for value in row)
        for row in frame.itertuples(index=False)
    ]
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    write_text(path, _PAGE.format(head=head, body=body))


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Table</title>
<style>
body {{ font: 14px system-ui, sans-serif; color: #1a1a1a; margin: 1.5em; }}
table {{ border-collapse: collapse; border-block: 2px solid #1a1a1a; }}
th {{ border-bottom: 1px solid #1a1a1a; }}
th, td {{ padding: .3em .9em; text-align: left; white-space: nowrap;
  font-variant-numeric: tabular-nums; }}
tr:nth-child(even) {{ background: #f5f5f5; }}
small {{ color: #555; }}
</style>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}</tbody>
</table>
"""

html_text = html.escape
"""Text that no browser takes for marks."""


def plain_text(frame: pd.DataFrame) -> str:
    """Aligned columns for a terminal; the number behind a mean is its rank."""
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False)]
    return tabulate(
        rows, headers=[_line(str(name)) for name in frame.columns], disable_numparse=True
    )


WRITERS: dict[str, Callable[[Path, pd.DataFrame], None]] = {
    "html": write_html,
    "csv": write_csv,
    "md": write_markdown,
    "tex": write_latex,
}
"""By file suffix."""


def number(value: float) -> str:
    """Three decimals below 10, one below 1,000, none above; a true minus sign."""
    size = abs(value)
    text = f"{value:.3f}" if size < 10 else f"{value:.1f}" if size < 1000 else f"{value:,.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def markdown_text(text: str) -> str:
    """Text that no Markdown reader takes for marks, HTML or links: marks become entities."""
    return re.sub(
        r"[\\`*_\[\]{}~|<>&#!$@\"']|:(?=//)|(?<=www)\.|^[-+=](?=\s|$)",
        lambda mark: f"&#{ord(mark[0])};",
        _line(text),
        flags=re.IGNORECASE,
    )


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    **{mark: f"{{{mark}}}" for mark in "[]*-"},
}
"""Brackets and stars are shielded from the `\\\\` of the row before, hyphens from ligatures."""


_LATEX_MARKS = re.compile("|".join([*(re.escape(mark) for mark in _LATEX if mark != "-"), "--+"]))


def latex_text(text: str) -> str:
    """Text that LaTeX prints as it stands."""
    return _LATEX_MARKS.sub(lambda found: "".join(map(_LATEX.__getitem__, found[0])), _line(text))


def _line(text: str) -> str:
    """On one line, without control characters and marks that turn the direction of the rest."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+", " ", text)


def _rules(frame: pd.DataFrame) -> list[str]:
    """Numbers to the right, text to the left."""
    text = [frame[name].map(lambda value: isinstance(value, str)).any() for name in frame.columns]
    return ["---" if left or frame.empty else "---:" for left in text]


def _markdown(value: Any) -> str:
    if not isinstance(value, Estimate):
        return markdown_text(_plain(value))
    mean, interval = _parts(value)
    bold = "**" if value.rank == 1 else ""
    return _joined(f"{bold}{mean}{bold}{_superscript(value)}", interval, markdown_text(value.note))


def _text(value: Any) -> str:
    if not isinstance(value, Estimate):
        return _line(_plain(value)).strip()
    mean, interval = _parts(value)
    return _joined(f"{mean} {interval}".rstrip(), _superscript(value), _line(value.note))


def _superscript(value: Estimate) -> str:
    return "" if value.rank is None else str(value.rank).translate(_SUPERSCRIPTS)


def _html(value: Any) -> str:
    if not isinstance(value, Estimate):
        return html_text(_plain(value))
    mean, interval = _parts(value)
    shown = f"<b>{mean}</b>" if value.rank == 1 else mean
    rank = "" if value.rank is None else f"<sup>{value.rank}</sup>"
    small = f"<small>{interval}</small>" if interval else ""
    return _joined(f"{shown}{rank}", small, html_text(value.note))


def _latex(value: Any) -> str:
    if not isinstance(value, Estimate):
        return latex_text(_plain(value))
    mean, interval = (latex_text(part) for part in _parts(value))
    shown = f"\\textbf{{{mean}}}" if value.rank == 1 else mean
    rank = "" if value.rank is None else f"$^{{{value.rank}}}$"
    small = f"{{\\scriptsize {interval}}}" if interval else ""
    return _joined(f"{shown}{rank}", small, latex_text(value.note))


def _parts(value: Estimate) -> tuple[str, str]:
    mean = _plain(value.mean)
    interval = "" if pd.isna(value.low) else f"[{_plain(value.low)}, {_plain(value.high)}]"
    return mean, interval


def _joined(mean: str, interval: str, note: str) -> str:
    return " ".join(part for part in (mean, interval, f"({note})" if note else "") if part)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return _DASH
    return number(value) if isinstance(value, float) else f"{value:,}"
