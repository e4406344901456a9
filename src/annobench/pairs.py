"""Items of preferences: a prompt, two responses to it, and which of them is better.

Option 0 is the response of the stronger of two models, wherever it is known which models wrote
them. The models are different, since one model compared with itself says nothing about users
(`control` is for just that).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from annobench.errors import AnnobenchError
from annobench.models.settings import known_source
from annobench.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


class Weights(Settings):
    """A model that takes part in making a data set."""

    source: str
    """Where its weights come from, as for a model."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Checksum, as for a model."""

    @model_validator(mode="after")
    def _known_source(self) -> Weights:
        known_source(self.source, self.sha256)
        return self


class RewardModel(Weights):
    """A sequence classifier with one output, which scores a response to a prompt."""


class Writer(Weights):
    """A model that writes responses."""

    damage: NonNegativeFloat = 0.0
    """Normal noise added to every weight matrix, in standard deviations of the matrix."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of the responses."""
    tokens: PositiveInt = 32
    """Most tokens of a response."""

    @property
    def name(self) -> str:
        """What its responses are said to be by."""
        damaged = f", damage {self.damage:g}" if self.damage else ""
        return f"{self.source}{damaged}"


class Pairs(Settings):
    """Keys that all data sets of pairs share."""

    reward_model: RewardModel | None = None
    """If given, the responses' scores are this model's and not the data's, the gold preference
    follows them, and it judges what aligned models write."""
    control: bool = False
    """Whether both responses of an item may be by the same model: a control, in which nothing can
    be learned about users."""

    @property
    def models(self) -> tuple[Weights, ...]:
        """What is to be fetched for the responses."""
        return () if self.reward_model is None else (self.reward_model,)


def are_pairs(items: pd.DataFrame) -> bool:
    """Whether `tables.ITEMS` hold pairs of responses."""
    return bool(known_pairs(items).any())


def known_pairs(items: pd.DataFrame) -> pd.Series:
    """Which of `tables.ITEMS` are pairs, by the frame's index: it is known who wrote the responses,
    or how good they are."""
    return items.reindex(columns=["sources", "scores"]).notna().any(axis=1)


def rescored(items: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """`tables.ITEMS` with the scores of `tables.RESPONSES`, and the gold preference after them;
    None where they tie."""
    scores = responses.sort_values(["item", "option"]).groupby("item")["score"].agg(list)
    found = items["item"].map(scores)
    gold = found.map(better)
    return items.assign(scores=found, gold=gold.astype("Int64"))


def better(scores: list[float]) -> int | None:
    """Which of two scores is higher; None where they are equal."""
    return None if scores[0] == scores[1] else int(scores[1] > scores[0])


def refuse(name: str, items: pd.DataFrame, control: bool) -> None:
    """Check that items of preferences have two different responses, by different models unless it
    is the control.

    Raises:
        AnnobenchError: an item has not.
    """
    for item, options, sources in items[["item", "options", "sources"]].itertuples(index=False):
        if len(options) != 2:
            raise AnnobenchError(
                f"datasets.{name}: item {item!r}: found {len(options)} responses; allowed: two"
            )
        if sources is not None and sources[0] == sources[1] and not control:
            raise AnnobenchError(
                f"datasets.{name}: item {item!r}: found responses of {sources[0]!r} on both sides, "
                "of which nothing can be learned about users; allowed: two models, or "
                "`control: true`"
            )
