"""A simulated crowd whose annotators either know the truth or guess.

An annotator of expertise e gives the gold label with probability e and otherwise one of all K
options, drawn uniformly, so that the label is right with probability e + (1 - e) / K. The ladders
of expertise are those of REALM's parent method (code of ILEED); "one-good" is the most adversarial.
The number of annotators, the number of labels of an item and the balanced assignment are our
reconstruction, not the paper's setting (papers/realm.md, "Stand-ins").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator, model_validator

from annobench.errors import AnnobenchError
from annobench.registry import unknown
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

GOOD, BAD = 0.99, 0.01

LADDERS = ("all-good", "half-good", "linear", "one-good")
"""all-good: everyone 0.99; half-good: the first half 0.99, the rest 0.01 (of an odd number, one
more is good); one-good: the first 0.99, the rest 0.01; linear: evenly from 0.05 to 0.95."""


class Settings(Base):
    ladder: str | tuple[float, ...] = "half-good"
    """The annotators' expertise: the name of a ladder (all-good, half-good, linear, one-good), or a
    list of one value from 0 to 1 for each annotator."""
    annotators: int | None = Field(None, ge=1)
    """How many annotators there are; by default 10, or as many as `ladder` lists."""
    labels_per_item: int = Field(3, ge=1)
    """How many annotators, all different, label each item."""
    anonymous: bool = False
    """Whether to withhold who gave which label."""

    @field_validator("ladder")
    @classmethod
    def _known(cls, ladder: str | tuple[float, ...]) -> str | tuple[float, ...]:
        if isinstance(ladder, str):
            if ladder not in LADDERS:
                raise ValueError(unknown("ladder", ladder, LADDERS))
        elif not ladder or min(ladder) < 0 or max(ladder) > 1:
            raise ValueError(f"ladder: found {list(ladder)}; allowed: values from 0 to 1")
        return ladder

    @model_validator(mode="after")
    def _enough_annotators(self) -> Settings:
        crowd = len(self.expertise)
        if self.annotators not in (None, crowd):
            raise ValueError(
                f"annotators: found {self.annotators}; allowed: {crowd}, as many as `ladder` lists"
            )
        if self.labels_per_item > crowd:
            raise ValueError(
                f"labels_per_item: found {self.labels_per_item}; allowed: at most {crowd},"
                " the number of annotators, since an annotator labels an item once"
            )
        return self

    @property
    def expertise(self) -> tuple[float, ...]:
        """The true expertise of each annotator."""
        if isinstance(self.ladder, tuple):
            return self.ladder
        return expertise_of(self.ladder, self.annotators or 10)


def expertise_of(ladder: str, annotators: int) -> tuple[float, ...]:
    """The named ladder for a number of annotators, see `LADDERS`."""
    if ladder == "linear":
        return tuple(0.05 + 0.9 * rank / max(annotators - 1, 1) for rank in range(annotators))
    good = {"all-good": annotators, "half-good": (annotators + 1) // 2, "one-good": 1}[ladder]
    return (GOOD,) * good + (BAD,) * (annotators - good)


def label_accuracy(expertise: float, options: int) -> float:
    """How often a label is right: e + (1 - e) / K."""
    return expertise + (1 - expertise) / options


def has_annotator_ids(settings: Settings) -> bool:
    return not settings.anonymous


def has_truth(settings: Settings) -> bool:
    return True


def judge(settings: Settings) -> None:
    """Needs no model."""


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Label the training items: `tables.ANNOTATIONS` and `tables.TRUTH`.

    `anonymous` empties the column annotator and changes nothing else.

    Raises:
        AnnobenchError: a training item has no options or no gold label.
    """
    import numpy as np
    import pandas as pd

    train = items[items["split"] == "train"]
    K = train["options"].map(len).to_numpy(dtype=np.int64)
    unusable = train["item"][train["gold"].isna() | (K == 0)]
    if len(unusable):
        raise AnnobenchError(
            f"item {unusable.iloc[0]!r}: found no options or no gold label;"
            " allowed for simulated expertise: items with both"
        )
    expertise = np.array(settings.expertise)
    names = _names(len(expertise))
    who = assign(len(train), settings.labels_per_item, len(expertise), rng)
    knows = rng.random(who.shape) < expertise[who]
    guess = rng.integers(0, K[:, None], size=who.shape)
    label = np.where(knows, train["gold"].to_numpy(dtype=np.int64)[:, None], guess)

    annotations = pd.DataFrame(
        {
            "item": train["item"].repeat(settings.labels_per_item).to_numpy(),
            "label": label.ravel(),
            "annotator": None if settings.anonymous else np.array(names, dtype=object)[who.ravel()],
        }
    )
    truth = [
        {
            "annotator": annotator,
            "task": task,
            "expertise": e,
            "accuracy": sum(label_accuracy(e, len(options)) for options in found) / len(found),
        }
        for task, found in train.groupby("task")["options"]
        for annotator, e in zip(names, settings.expertise, strict=True)
    ]
    return annotations, pd.DataFrame(truth)


def assign(
    items: int, labels_per_item: int, annotators: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Who labels what: annotators' positions, [items, labels_per_item].

    The annotators of an item differ, every set of annotators is equally likely for it, and the
    loads of any two annotators differ by one label at most. Items are dealt with in blocks that
    use all annotators equally often: each block walks round its own random circle of annotators.
    """
    import numpy as np

    block = annotators // np.gcd(annotators, labels_per_item)
    circles = np.tile(np.arange(annotators), (-(-items // block), 1))
    circles = rng.permuted(circles, axis=1)
    item = np.arange(items)[:, None]
    place = (item % block * labels_per_item + np.arange(labels_per_item)) % annotators
    chosen: npt.NDArray[np.int64] = circles[item // block, place]
    return chosen


def _names(annotators: int) -> list[str]:
    width = max(2, len(str(annotators - 1)))
    return [f"a{number:0{width}d}" for number in range(annotators)]
