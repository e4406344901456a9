"""Some test items: how people's labels are distributed, and what models make of them."""

from __future__ import annotations

from itertools import takewhile
from string import ascii_uppercase
from textwrap import shorten
from typing import TYPE_CHECKING

from pydantic import Field

from annobench.reporting.labels import Reading
from annobench.reporting.shown import Shown
from annobench.reporting.style import Width

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from annobench.reporting.study_tables import StudyTables
    from annobench.reporting.style import Look

_PEOPLE = "people"
_CHARACTERS = 130
"""Of a prompt that are shown."""


class Settings(Shown):
    items: int = Field(default=6, ge=1, le=24)
    """How many items of each data set, spread evenly over the order of their human entropy."""
    reading: Reading = "options"
    """Which of a model's distributions: its probabilities of the options, or the one that it wrote
    down."""
    width: Width = "page"
    """One column or the full page of a two-column paper."""


def _own(prompt: str, prompts: Iterable[str]) -> str:
    """A prompt without the whole lines that all prompts of its data set begin with, which are an
    instruction; the last line of a prompt is always its own."""
    heads = (text.splitlines()[:-1] for text in prompts)
    instruction = takewhile(lambda lines: len(set(lines)) == 1, zip(*heads, strict=False))
    return "\n".join(prompt.splitlines()[sum(1 for _ in instruction) :])


def figure(tables: StudyTables, settings: Settings) -> Figure:
    """One panel per (data set, model, noise, item), a group of bars per option.

    A method's bar is the mean over the seeds whose distribution is known, with its marker on top.
    Where some or all wrote none that can be read, the note above the panel says so.
    """
    from annobench.reporting import curves, panels, style
    from annobench.reporting.study_tables import at, select

    tables = tables.only(settings)
    read = "verbal" if settings.reading == "verbal" else "probabilities"
    rows = tables.distributions.assign(shares=tables.distributions[read])
    asked = rows["shares"].notna() | (rows["text"].notna() if read == "verbal" else False)
    known = rows.loc[asked, "method"].unique()
    if not len(known):
        return panels.nothing(settings.width, f"no cell has a distribution: {read}")
    rows = rows[rows["method"].isin(known)]
    chosen = {d: spread(select(rows, dataset=d), settings.items) for d in rows["dataset"].unique()}
    places = [place for place in tables.places if not at(rows, place).empty]
    shown = [(place, item) for place in places for item in chosen[place[0]]]
    looks = {_PEOPLE: style.Look("#1a1a1a", "s")}
    looks |= {method: look for method, look in tables.looks.items() if method in known}
    with style.paper():
        across = 1 if settings.width == "column" else 3
        drawn, axes = panels.grid(len(shown), across, settings.width, 2.1, shared=False)
        for panel, (place, item) in zip(axes, shown, strict=True):
            found = select(at(rows, place), item=item)
            _bars(panel, found, looks)
            notes = [f"entropy {abs(found['entropy'].iloc[0]):.2f}", *_unread(found)]
            if item == chosen[place[0]][0]:
                notes += curves.holes(tables, place).splitlines()
                absent = [method for method in tables.methods if method not in known]
                notes += [f"without {', '.join(absent)}"] if absent else []
            head = [", ".join(place)] if len(places) > 1 else []
            own = _own(found["prompt"].iloc[0], select(rows, dataset=place[0])["prompt"].unique())
            prompt = shorten(panels.drawable(own), _CHARACTERS, placeholder=" ...")
            panels.title(drawn, panel, [*head, prompt], "; ".join(notes))
            if panels.is_leftmost(panel):
                panel.set_ylabel("share")
        drawn.supxlabel("option, in the order of the data set", fontsize=8)
        panels.legend(drawn, looks, settings.width)
    return drawn


def spread(rows: pd.DataFrame, count: int) -> list[str]:
    """Items of table DISTRIBUTIONS at even steps of the order of entropy, the lowest and the
    highest among them; all if there are no more."""
    import numpy as np

    order = rows.drop_duplicates("item").sort_values(["entropy", "item"])["item"].tolist()
    steps = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [order[step] for step in steps]


def _bars(panel: Axes, rows: pd.DataFrame, looks: dict[str, Look]) -> None:
    import numpy as np

    human = np.asarray(rows["human"].iloc[0], float)
    shares = {_PEOPLE: human}
    for method, found in rows.dropna(subset="shares").groupby("method", sort=False):
        shares[str(method)] = np.stack(found["shares"].tolist()).mean(0)
    bar = 0.8 / len(looks)
    options = np.arange(len(human))
    for number, (name, look) in enumerate(looks.items()):
        if name not in shares:
            continue
        x = options + (number - (len(looks) - 1) / 2) * bar
        panel.bar(x, shares[name], 0.85 * bar, color=look.colour, lw=0)
        if name != _PEOPLE:
            panel.plot(
                x, shares[name], look.marker, color=look.colour, ms=3.2, mec="white", mew=0.3
            )
    letters = len(human) <= len(ascii_uppercase)
    panel.set_xticks(options, [ascii_uppercase[k] if letters else str(k + 1) for k in options])
    panel.set_xlim(-0.6, len(human) - 0.4)
    panel.set_ylim(0, 1.05)
    panel.tick_params(axis="x", length=0)
    panel.grid(axis="y", color="#e6e6e6", lw=0.5)


def _unread(rows: pd.DataFrame) -> list[str]:
    """What each method is missing of a known distribution."""
    return [
        f"{method}: {found['shares'].isna().sum()} of {len(found)} not read"
        for method, found in rows.groupby("method", sort=False)
        if found["shares"].isna().any()
    ]
