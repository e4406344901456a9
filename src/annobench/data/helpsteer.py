"""HelpSteer: responses to prompts, with people's ratings of five attributes, 0 to 4 (Wang et al.
2023, arXiv 2311.09528; version 2, Wang et al. 2024, arXiv 2406.08673).

A row is one response. The items are the first two different responses to a prompt, in the order of
the rows; prompts with fewer are left out. Which of NVIDIA's models wrote them is not published
(those of version 1 are said to be all by one), so option 0 is no stronger model's and `sources` is
null: of users who compare these only estimators that go by the responses' scores can learn.

A response's score is a weighted sum of its ratings, with the weights by which NVIDIA makes one
reward of them, in the card of its model Llama3-70B-SteerLM-RM (an earlier version of which left the
last two out):

    score = 0.65 helpfulness + 0.8 correctness + 0.45 coherence + 0.55 complexity - 0.4 verbosity

Gold is the response of the higher score, null where they tie. The published validation split is our
test; whether it shares a prompt with train is not known to us. A prompt of several turns holds all
turns before the response, with the data's own marks.

Columns, files and revisions are known from the cards and from public descriptions; no test has read
the data set's own rows, only rows made by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench import hub, pairs, people

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd

PAIRS = True
SPLITS = {"train": "train", "test": "validation"}
VERSIONS = {
    1: hub.Repository(
        "nvidia/HelpSteer",
        config="default",
        revision="2f91e450b27493b37b4be40e1d040cdfe96136ce",
        splits=SPLITS,
        stated={"train": 35331, "validation": 1789},
    ),
    2: hub.Repository(
        "nvidia/HelpSteer2",
        config="default",
        revision="990b2711a36180dd19d9c94b8627844866f8982a",
        splits=SPLITS,
        stated={"train": 20324, "validation": 1038},
    ),
}
PERCENT = {
    "helpfulness": 65,
    "correctness": 80,
    "coherence": 45,
    "complexity": 55,
    "verbosity": -40,
}
"""The weights in hundredths, in whole numbers so that equal scores are found equal."""


class Settings(hub.Settings, pairs.Pairs):
    version: Literal[1, 2] = 2
    """1 for HelpSteer, with up to four responses to a prompt; 2 for HelpSteer2, with two."""


def size(settings: Settings) -> dict[str, int] | None:
    return people.stated(settings)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task, with `scores`; see `hub.items_of`."""
    return hub.items_of(name, settings, hub_root, VERSIONS[settings.version], _questions)


def _questions(rows: Iterable[hub.Row]) -> Iterator[hub.Question]:
    """Of the prompts with two responses, in the order of their first rows."""
    first: dict[str, str] = {}
    scored: dict[str, dict[str, float]] = {}
    for row in rows:
        prompt, response = row.text("prompt"), row.text("response")
        if prompt and response:
            first.setdefault(prompt, row.name)
            scored.setdefault(prompt, {}).setdefault(response, _score(row))
    for prompt, score in scored.items():
        if len(score) >= 2:
            scores = list(score.values())[:2]
            yield hub.Question(
                item=first[prompt],
                task="helpsteer",
                prompt=prompt,
                options=list(score)[:2],
                gold=pairs.better(scores),
                scores=scores,
            )


def _score(row: hub.Row) -> float:
    ratings = {name: row.choice(name, range(5)) for name in PERCENT}
    return sum(percent * ratings[name] for name, percent in PERCENT.items()) / 100
