"""UltraFeedback: four models' responses to each of 63,967 instructions (Cui et al. 2023, arXiv
2310.01377).

The items are the pairs of responses by two of its 17 models, to the prompts that both answered:
each prompt went to four models drawn at random, so that any two have about 4 in 100 prompts in
common. Scores are the data's `fine-grained_score`, the mean of GPT-4's ratings, 1 to 5, of
helpfulness, honesty, truthfulness and instruction following. They are not its `overall_score`,
which was 10 where GPT-4 had given 1; the pinned revision mends that, but in part by what
`fine-grained_score` is. Gold is the response of the higher score, null where they tie.

A prompt is left out where one of the two has no response or no score, or both have the same
response; a prompt that comes twice is used once. Each response was written under a system prompt of
its own, which the items do not show. All splits of ours are carved from its only one. It includes
the questions of the benchmarks TruthfulQA and FalseQA.

Columns, models and revision are known from the authors' code and from public descriptions; no test
has read the data set's own rows, only rows made by hand.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import field_validator, model_validator

from annobench import hub, pairs, people
from annobench.registry import unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd

PAIRS = True
REPOSITORY = hub.Repository(
    "openbmb/UltraFeedback",
    config="default",
    revision="40b436560ca83a8dba36114c22ab3c66e43f6d5e",
    splits={"train": "train"},
    stated={"train": 63967},
)
MODELS = (
    "alpaca-7b", "bard", "falcon-40b-instruct", "gpt-3.5-turbo", "gpt-4", "llama-2-13b-chat",
    "llama-2-70b-chat", "llama-2-7b-chat", "mpt-30b-chat", "pythia-12b", "starchat", "ultralm-13b",
    "ultralm-65b", "vicuna-33b", "wizardlm-13b", "wizardlm-30b", "wizardlm-7b",
)  # fmt: skip
"""The pool of the authors' `sampling.py`."""


class Settings(hub.Settings, pairs.Pairs):
    stronger: str
    """The model whose response is option 0, such as gpt-4."""
    weaker: str
    """The model whose response is option 1, such as alpaca-7b."""

    @field_validator("stronger", "weaker")
    @classmethod
    def _known(cls, model: str) -> str:
        if model not in MODELS:
            raise ValueError(unknown("model", model, MODELS))
        return model

    @model_validator(mode="after")
    def _different(self) -> Settings:
        if self.stronger == self.weaker:
            raise ValueError(
                f"stronger, weaker: found {self.stronger!r} twice; allowed: two models, as the data"
                " has one response of a model to a prompt"
            )
        return self


def size(settings: Settings) -> dict[str, int] | None:
    return people.stated(settings)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task, with `sources` and `scores`; see `hub.items_of`."""
    read = partial(_questions, (settings.stronger, settings.weaker))
    return hub.items_of(name, settings, hub_root, REPOSITORY, read)


def _questions(models: tuple[str, str], rows: Iterable[hub.Row]) -> Iterator[hub.Question]:
    """Of the prompts that both models answered, in the order of the rows."""
    seen = set()
    for row in rows:
        by_model = {part.text("model"): part for part in row.parts("completions")}
        if not by_model.keys() >= set(models):
            continue
        prompt = row.text("instruction")
        options = [by_model[model].text("response") for model in models]
        found = [by_model[model].real("fine-grained_score") for model in models]
        scores = [score for score in found if score is not None]
        if prompt in seen or len(scores) < 2 or not all(options) or options[0] == options[1]:
            continue
        seen.add(prompt)
        yield hub.Question(
            item=row.name,
            task="ultrafeedback",
            prompt=prompt,
            options=options,
            gold=pairs.better(scores),
            sources=list(models),
            scores=scores,
        )
