"""A distribution over an item's options as a short JSON text of percentages.

A model is asked for it (`request`), trained on it (`written`) and read (`read`). The reader
forgives how a distribution is written down, not what it says: each option has one number, and the
numbers are about 100 % together. Its time is linear in the text, whatever the text is.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from annobench.errors import AnnobenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

Form = Literal["object", "list"]
"""`object`: {"yes":70,"no":30}. `list`: [70,30], in the order in which the options are listed."""

TOLERANCE = 0.2
"""How far the shares of an answer may be from 1 together."""
CUT_TOLERANCE = 0.01
"""The same where the text ends before a bracket closes: its last number may have lost a digit."""

_OPENING = re.compile(r"[\[{]")
_NUMBER = r"[-+]?(?:\d++\.?\d*+|\.\d++)(?:e[-+]?\d++)?+"
_TOKEN = re.compile(
    rf"""\s*+(?:(?P<mark>[\[\]{{}},:])|(?P<number>{_NUMBER}(?:\s*+%)?+)
    |(?P<quoted>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<end>\Z))""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)
_PERCENTAGE = re.compile(rf"({_NUMBER})(?:\s*+%)?", re.IGNORECASE | re.ASCII)
_SHAPES = {"[": re.compile(r"(?:v,)*+v?"), "{": re.compile(r"(?:v:v,)*+(?:v:v)?")}
_CLOSING = {"[": "]", "{": "}"}


def request(options: Sequence[str], form: Form) -> str:
    """What is asked, before or below an item's question."""
    if form == "object":
        shape = "{" + ",".join(f"{json.dumps(option, ensure_ascii=False)}:.." for option in options)
        how = f"Reply with JSON only: {shape}}}"
    else:
        how = f"Reply with a JSON list of percentages only: [{', '.join(options)}]"
    return f"Imagine 100 people answer this. How many choose each option? {how}"


def written(distribution: Sequence[float], options: Sequence[str], form: Form) -> str:
    """A distribution [K] over K options in whole percentages, which are 100 together.

    They are rounded by the largest remainder; of equal remainders the first is rounded up.

    Raises:
        AnnobenchError: two options are equal, in the form `object`.
    """
    total = math.fsum(distribution)
    exact = [round(100 * share / total, 9) for share in distribution]
    whole = [math.floor(percentage) for percentage in exact]
    by_remainder = sorted(range(len(whole)), key=lambda k: whole[k] - exact[k])
    for k in by_remainder[: 100 - sum(whole)]:
        whole[k] += 1
    if form == "list":
        return json.dumps(whole, separators=(",", ":"))
    if len(set(options)) < len(options):
        raise AnnobenchError(
            f"percentages: two equal options found in {list(options)}; allowed: different options, "
            "or the form `list`"
        )
    named = dict(zip(options, whole, strict=True))
    return json.dumps(named, separators=(",", ":"), ensure_ascii=False)


def read(text: str, options: Sequence[str]) -> list[float] | None:
    """The distribution [K] that the first JSON object or list of a text says; None if it says none.

    Either form counts. An object names every option once, whatever the case and the spaces, and
    nothing else; it, or a list, may be the only value of another object. A list has K numbers.
    Numbers may be quoted and have a percent sign; without one, numbers of 1 at most are read as
    shares. Negative ones count as 0; together they have to be 1, give or take `TOLERANCE`, and are
    divided by their sum (the paper's "clip at 0, renormalise"). Text before and after, single
    quotes and a comma behind the last value do no harm, nor brackets that are missing at the end of
    the text, if the numbers are then 1 together but for `CUT_TOLERANCE`.
    """
    found = _first_container(text.rstrip().rstrip("`"))
    if found and found.bracket == "{" and len(found.values) == 2:
        inner = found.values[1]
        found = inner if isinstance(inner, _Container) else found
    if not found:
        return None
    values = _in_order(found, options) if found.bracket == "{" else found.values
    if not values or len(values) != len(options):
        return None
    numbers = [_number(value) for value in values]
    clipped = [max(number, 0.0) for number in numbers if number is not None]
    if len(clipped) < len(numbers):
        return None
    total = sum(clipped)
    whole = 100 if max(clipped) > 1 or any("%" in str(value) for value in values) else 1
    tolerance = TOLERANCE if found.closed else CUT_TOLERANCE
    if not abs(total / whole - 1) <= tolerance + 1e-9:
        return None
    return [number / total for number in clipped]


@dataclass
class _Container:
    """A JSON object or list; an object's values are its keys and values in turn."""

    bracket: str
    start: int
    values: list[str | _Container] = field(default_factory=list)
    shape: list[str] = field(default_factory=list)
    """Its marks, and v for a value."""
    closed: bool = False
    """Whether a bracket ends it, and not the text."""

    def add(self, value: str | _Container) -> None:
        self.values.append(value)
        self.shape.append("v")

    def closes(self, mark: str) -> bool:
        """Whether all is in its place if this mark, or the end of the text, closes it."""
        self.closed = bool(mark)
        shape = _SHAPES[self.bracket]
        return mark in ("", _CLOSING[self.bracket]) and bool(shape.fullmatch("".join(self.shape)))


def _first_container(text: str) -> _Container | None:
    """The first that is well formed; of those within each other the outermost."""
    found: _Container | None = None
    position = 0
    while start := _OPENING.search(text, position):
        position = start.end()
        unclosed = [_Container(start[0], start.start())]
        while unclosed and (token := _TOKEN.match(text, position)):
            position = token.end()
            if token["mark"] in _CLOSING:
                unclosed.append(_Container(token["mark"], token.start()))
            elif token["mark"] in (",", ":"):
                unclosed[-1].shape.append(token["mark"])
            elif token["mark"] or token["end"] is not None:
                closed = unclosed.pop()
                if not closed.closes(token["mark"] or ""):
                    break
                if unclosed:
                    unclosed[-1].add(closed)
                if found is None or closed.start < found.start:
                    found = closed
            else:
                unclosed[-1].add(token["number"] or _unquoted(token["quoted"]))
        if found:
            return found
    return None


def _unquoted(quoted: str) -> str:
    body = quoted[1:-1]
    if quoted[0] == "'":
        body = body.replace("\\'", "'").replace('"', '\\"')
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError:  # an escape that JSON does not have
        return body


def _in_order(named: _Container, options: Sequence[str]) -> list[str | _Container] | None:
    """An object's values in the order of the options; None if its keys are not the options."""
    keys = [str(key) for key in named.values[::2]]
    for form in (str, _plain):
        value_of = dict(zip(map(form, keys), named.values[1::2], strict=True))
        names = [form(option) for option in options]
        if len(keys) == len(set(names)) == len(names) and value_of.keys() == set(names):
            return [value_of[name] for name in names]
    return None


def _plain(name: str) -> str:
    return "".join(name.casefold().split())


def _number(value: str | _Container) -> float | None:
    match = isinstance(value, str) and _PERCENTAGE.fullmatch(value.strip())
    number = float(match[1]) if match else math.inf
    return number if math.isfinite(number) else None
