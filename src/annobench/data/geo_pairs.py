"""Two models' answers in words to questions on countries and cities: pairs for a laptop.

The questions are those of `geo`, asked without options. Two writers answer each: the stronger one
as it comes, and the weaker one, which may be a damaged copy. The gold preference is correctness,
then likelihood: of two responses the one that holds the right answer, and where both or neither
do, the one whose tokens have the higher mean log-likelihood under the stronger model. Scores say
the same on a scale of log-odds: `RIGHT` for holding the answer, and the mean log-likelihood. All of
this is our own choice, as no paper uses this set.

A question is left out where the two responses are the same or one of them is empty: there is
nothing to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from annobench.data import geo
from annobench.free_text import holds
from annobench.pairs import Pairs, Weights, Writer, better

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

PAIRS = True

RIGHT = 100.0
"""More than mean log-likelihoods of two texts ever differ, so that correctness comes first."""


class Settings(Pairs):
    tasks: geo.Tasks = ("capital", "continent", "currency")
    """The kinds of question, as of `geo`."""
    train: int = Field(100, ge=1)
    """Training questions of each task."""
    test: int = Field(40, ge=1)
    """Test questions of each task."""
    instruction: str = "Answer in one short sentence."
    """What stands behind each question."""
    stronger: Writer
    """The model whose responses are the first options."""
    weaker: Writer
    """The model whose responses are the second options."""

    @property
    def models(self) -> tuple[Weights, ...]:
        return (*super().models, self.stronger, self.weaker)

    @model_validator(mode="after")
    def _two_models(self) -> Settings:
        if self.control and self.stronger != self.weaker:
            raise ValueError("control: found true with two different models; allowed: one twice")
        if not self.control and self.stronger.name == self.weaker.name:
            raise ValueError(
                f"weaker: found {self.weaker.name!r}, the same model as `stronger`, of which "
                "nothing can be learned about users; allowed: another model, or `control: true`"
            )
        return self


def _geo(settings: Settings) -> geo.Settings:
    return geo.Settings(
        tasks=settings.tasks, train=settings.train, validation=0, test=settings.test
    )


def size(settings: Settings) -> dict[str, int]:
    """How many items of each split, but for those that are left out."""
    return geo.size(_geo(settings))


def prompts(name: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """`tables.ITEMS` of the questions, without options; `answers` holds the right one.

    Raises:
        AnnobenchError: more items are asked for than there are.
    """
    import pandas as pd

    asked = geo.items(name, _geo(settings), hub_root)
    right = [[options[gold]] for options, gold in zip(asked["options"], asked["gold"], strict=True)]
    return asked.assign(
        prompt=asked["prompt"] + f" {settings.instruction}",
        options=pd.Series([[]] * len(asked), dtype=object),
        answers=pd.Series(right, dtype=object),
        gold=None,
    )


def items(
    name: str, settings: Settings, hub_root: Path | None, responses: pd.DataFrame
) -> pd.DataFrame:
    """`tables.ITEMS` of the questions with both responses."""
    import pandas as pd

    names = [settings.stronger.name, settings.weaker.name]
    both = (
        responses[responses["source"].isin(names)].sort_values(["item", "option"]).groupby("item")
    )
    lists = both[["text", "source", "score"]].agg(list)
    asked = prompts(name, settings, hub_root).join(lists, on="item")
    differ = [bool(a.strip() and b.strip() and a.strip() != b.strip()) for a, b in asked["text"]]
    asked = asked[differ].reset_index(drop=True)
    scores: list[list[float]] = [
        [RIGHT * holds(text, answers) + score for text, score in zip(texts, own, strict=True)]
        for texts, own, answers in zip(asked["text"], asked["score"], asked["answers"], strict=True)
    ]
    found = asked.assign(
        options=asked["text"],
        sources=asked["source"],
        scores=pd.Series(scores, dtype=object),
        gold=pd.Series(list(map(better, scores)), dtype="Int64"),
    )
    return found.drop(columns=["text", "source", "score"])
