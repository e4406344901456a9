"""What all simulated crowds share: who is how good, who labels which item, and the tables of both.

A kind of noise deals the training items out (`deal`), gives each place a label, computes how often
each annotator is right (`label_accuracy`), and returns `Assignment.frames`. The ladders of
expertise are those of REALM's parent method (code of ILEED); "one-good" is the most adversarial.
All else is our reconstruction: the paper's own setting is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pydantic import Field, field_validator, model_validator

from annobench.errors import AnnobenchError
from annobench.loads import assign
from annobench.registry import unknown
from annobench.settings import Name, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Real: TypeAlias = npt.NDArray[np.float64]
    Int: TypeAlias = npt.NDArray[np.int64]
    Mask: TypeAlias = npt.NDArray[np.bool_]

GOOD, BAD = 0.99, 0.01

LADDERS = ("all-good", "half-good", "linear", "one-good")
"""all-good: everyone 0.99; half-good: the first half 0.99, the rest 0.01 (of an odd number, one
more is good); one-good: the first 0.99, the rest 0.01; linear: evenly from 0.05 to 0.95."""


class Crowd(Settings):
    """The keys of every simulated crowd."""

    ladder: str | tuple[float, ...] = "half-good"
    """The annotators' expertise: the name of a ladder (all-good, half-good, linear, one-good), or a
    list of one value from 0 to 1 for each annotator."""
    annotators: int | None = Field(None, ge=1)
    """How many annotators there are; by default 10, or as many as `ladder` lists."""
    specialists: bool = False
    """Whether the ladder is dealt out anew at random in every task, so that who is good at one task
    may be bad at another; otherwise an annotator's expertise is the same in all tasks."""
    labels_per_item: int = Field(3, ge=1)
    """How many annotators, all different, label each item."""
    skew: float = Field(0.0, ge=0, le=10)
    """How unequal the loads are: the annotator of rank r = 0, 1, ... is picked with probability
    proportional to (r + 1)^-skew. Ranks are dealt at random; 0 gives everyone the same load."""
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
    def _enough_annotators(self) -> Crowd:
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
        """The ladder: one true expertise for each annotator."""
        if isinstance(self.ladder, tuple):
            return self.ladder
        return expertise_of(self.ladder, self.annotators or 10)


class JudgedCrowd(Crowd):
    """A crowd whose errors depend on what a model thinks of the items before any training."""

    model: Name
    """The model of the study whose zero-shot probabilities decide."""


def has_annotator_ids(settings: Crowd) -> bool:
    return not settings.anonymous


def has_truth(settings: Crowd) -> bool:
    """The truth of simulated annotators is always known."""
    return True


def judge(settings: Crowd) -> str | None:
    return settings.model if isinstance(settings, JudgedCrowd) else None


def expertise_of(ladder: str, annotators: int) -> tuple[float, ...]:
    """The named ladder for a number of annotators, see `LADDERS`."""
    if ladder == "linear":
        return tuple(0.05 + 0.9 * rank / max(annotators - 1, 1) for rank in range(annotators))
    good = {"all-good": annotators, "half-good": (annotators + 1) // 2, "one-good": 1}[ladder]
    return (GOOD,) * good + (BAD,) * (annotators - good)


def names(annotators: int) -> list[str]:
    """a00, a01, ...: wide enough that they sort in order."""
    width = max(2, len(str(annotators - 1)))
    return [f"a{number:0{width}d}" for number in range(annotators)]


@dataclass(frozen=True)
class Assignment:
    """Training items and who labels them, before any label is given.

    N training items, m labels of each, A annotators, T tasks.
    """

    item: npt.NDArray[np.object_]  # [N]
    gold: Int  # [N]
    options: Int  # [N], the number K of each item's options
    task: Int  # [N], positions in `tasks`
    tasks: list[str]  # [T], sorted
    who: Int  # [N, m], positions of annotators
    expertise: Real  # [A, T]

    def expertise_of_labels(self) -> Real:
        """The expertise behind each label, [N, m]."""
        return self.expertise[self.who, self.task[:, None]]

    def by_task(self, rule: Callable[[Real, Mask], Real]) -> Real:
        """Of each task, `rule` of the annotators' expertise in it [A] and of which items are its
        own [N]: [A, T]."""
        import numpy as np

        columns = [rule(self.expertise[:, t], self.task == t) for t in range(len(self.tasks))]
        return np.stack(columns, axis=1) if columns else self.expertise

    def frames(
        self, label: Int, accuracy: Real, anonymous: bool, expertise: Real | None = None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """`tables.ANNOTATIONS` of labels [N, m] and `tables.TRUTH` of accuracy [A, T]; `expertise`
        [A, T] where the truth is not the one dealt out."""
        import numpy as np
        import pandas as pd

        known = self.expertise if expertise is None else expertise
        annotators, tasks = known.shape
        name = np.array(names(annotators), dtype=object)
        annotations = pd.DataFrame(
            {
                "item": self.item.repeat(label.shape[1]),
                "label": label.ravel(),
                "annotator": None if anonymous else name[self.who.ravel()],
            }
        )
        truth = pd.DataFrame(
            {
                "annotator": name.repeat(tasks),
                "task": np.tile(np.array(self.tasks, dtype=object), annotators),
                "expertise": known.ravel(),
                "accuracy": accuracy.ravel(),
            }
        )
        return annotations, truth


def deal(items: pd.DataFrame, settings: Crowd, rng: np.random.Generator) -> Assignment:
    """Deal the training items of `tables.ITEMS` out to a crowd.

    Raises:
        AnnobenchError: a training item has no options or no gold label.
    """
    import numpy as np

    train = items[items["split"] == "train"]
    options = train["options"].map(len).to_numpy(dtype=np.int64)
    unusable = train["item"][train["gold"].isna() | (options == 0)]
    if len(unusable):
        raise AnnobenchError(
            f"item {unusable.iloc[0]!r}: found no options or no gold label;"
            " allowed for simulated annotators: items with both"
        )
    tasks, task = np.unique(train["task"].to_numpy(dtype=object), return_inverse=True)
    annotators = len(settings.expertise)
    who = assign(len(train), settings.labels_per_item, annotators, rng, settings.skew)
    return Assignment(
        item=train["item"].to_numpy(dtype=object),
        gold=train["gold"].to_numpy(dtype=np.int64),
        options=options,
        task=task,
        tasks=tasks.tolist(),
        who=who,
        expertise=expertise_matrix(settings, len(tasks), rng),
    )


def expertise_matrix(settings: Crowd, tasks: int, rng: np.random.Generator) -> Real:
    """The true expertise of every annotator in every task, [A, tasks]."""
    import numpy as np

    matrix = np.tile(np.array(settings.expertise)[:, None], (1, tasks))
    return rng.permuted(matrix, axis=0) if settings.specialists else matrix


def random_errors(expertise: Real, gold: Int, options: Int, rng: np.random.Generator) -> Int:
    """Labels of `expertise`'s shape: the truth with probability e, else uniform over all K."""
    import numpy as np

    knows = rng.random(expertise.shape) < expertise
    guess = rng.integers(0, options, size=expertise.shape)
    return np.where(knows, gold, guess)


def zero_shot(base: pd.DataFrame | None, assignment: Assignment) -> Real:
    """The judge's probabilities [N, most options], -inf beyond an item's own options.

    Raises:
        AnnobenchError: a training item has no probabilities, another number of them than options,
            or one that is not a number.
    """
    import numpy as np

    from annobench.tables import PREDICTIONS, empty, stack

    given = (empty(PREDICTIONS) if base is None else base).set_index("item")["probabilities"]
    rows = given.reindex(assignment.item)
    found = rows.map(len, na_action="ignore").fillna(0).to_numpy(dtype=np.int64)
    wrong = np.flatnonzero(found != assignment.options)
    if len(wrong):
        raise AnnobenchError(
            f"zero-shot predictions: item {assignment.item[wrong[0]]!r}: found {found[wrong[0]]}"
            f" probabilities; allowed: {assignment.options[wrong[0]]}, one for each option"
        )
    p = stack(rows, int(found.max(initial=1)), fill=-np.inf)
    wrong = np.flatnonzero(np.isnan(p).any(axis=1))
    if len(wrong):
        raise AnnobenchError(
            f"zero-shot predictions: item {assignment.item[wrong[0]]!r}: found a probability that"
            " is not a number; allowed: numbers"
        )
    return p


def label_accuracy(expertise: Real, luck: Real, known: Real | float = 1.0) -> Real:
    """How often labels are right, over items each equally likely: the mean of e_i + (1 - e_i) l_i.

    Args:
        expertise: e of each annotator, [A].
        luck: l_i, how often who does not know item i is right, [items].
        known: how much of its expertise an annotator has on item i, e_i = e known_i, [items].
    """
    # 1 less what is missed, so that rounding cannot leave 0 to 1.
    unlucky = 1 - luck
    accuracy: Real = 1 - (unlucky.mean() - expertise * (known * unlucky).mean())
    return accuracy
