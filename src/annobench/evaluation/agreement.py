"""What a method learned about the labels and about the annotators, against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from annobench.errors import AnnobenchError
from annobench.free_text import exact_match
from annobench.pairs import are_pairs
from annobench.tables import numbers, texts

TARGET_ACCURACY = "target-accuracy"
EXPERTISE_SPEARMAN = "expertise-spearman"
UNREAD_ANSWERS = "unread-answers"
UNPARSED = "unparsed"
LABELS = {
    TARGET_ACCURACY: "accuracy of training targets",
    EXPERTISE_SPEARMAN: "Spearman of learned and true expertise",
    "detection-precision": "precision of flagged labels",
    "detection-recall": "recall of wrong labels",
    "detection-auc": "AUC of suspicion",
    "relabel-accuracy": "accuracy of new labels",
    "lost-correct": "share of right labels lost",
    "lost-hard": "share of hard right labels lost",
    UNREAD_ANSWERS: "share of answers that could not be read",
    UNPARSED: "share of distributions that could not be read",
    "attentiveness-mae": "mean absolute error of attentiveness",
    "filter-precision": "share of kept users who are attentive",
    "filter-recall": "share of attentive users who are kept",
    "filter-auc": "AUC of estimated attentiveness",
}
"""What they are called; those of detection are measured in `evaluation.detection`, and those of
users in `evaluation.filters`."""

UNREAD = frozenset({"no answer", "no verdict"})
"""The reason of a target row whose item a method asked the model about in vain."""


class Agreement(NamedTuple):
    """`value` is None, with the reason, where it is not defined; it rests on `n` rows."""

    value: float | None
    n: int
    reason: str | None = None


@dataclass(frozen=True)
class Known:
    """What is known of a data set's items, worked out once for all of its cells."""

    items: pd.DataFrame
    """table `tables.ITEMS`"""

    @cached_property
    def pairs(self) -> bool:
        """Whether they are pairs of responses."""
        return are_pairs(self.items)

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Each item's row."""
        return {name: row for row, name in enumerate(texts(self.items["item"]))}

    @cached_property
    def task(self) -> np.ndarray:
        """[items]"""
        return texts(self.items["task"])

    @cached_property
    def gold(self) -> np.ndarray:
        """[items] index of the right option, -1 where none is known."""
        return self.items["gold"].astype("Int64").to_numpy(np.int64, na_value=-1)

    @cached_property
    def answered(self) -> np.ndarray:
        """[items] whether a right option or an accepted answer is known."""
        found: np.ndarray = (self.gold >= 0) | self.items["answers"].notna().to_numpy()
        return found


@dataclass(frozen=True)
class Truth:
    """The truth of a draw's annotators, worked out once for all cells that learned from it."""

    table: pd.DataFrame
    """`tables.TRUTH`, empty where the annotators were not simulated."""

    @cached_property
    def expertise(self) -> Mapping[tuple[str, str], float]:
        """(annotator, task) -> true expertise; over the task "all" the mean of the true ones.

        Raises:
            AnnobenchError: an annotator comes twice in a task.
        """
        if self.table.duplicated(["annotator", "task"]).any():
            raise AnnobenchError("truth: an annotator's task found twice; allowed: once")
        overall = self.table.groupby("annotator", as_index=False)["expertise"].mean()
        overall = overall.assign(task="all")
        true = pd.concat([overall[~overall["task"].isin(self.table["task"])], self.table])
        pairs = zip(texts(true["annotator"]), texts(true["task"]), strict=True)
        return dict(zip(pairs, true["expertise"].tolist(), strict=True))


def target_accuracy(targets: pd.DataFrame, known: Known) -> dict[str, Agreement]:
    """Weighted mean, over kept rows, of the probability that a target gives to the gold label; a
    target of free text is right if it matches an accepted answer exactly.

    Args:
        targets: table `tables.TARGETS`.
        known: of the items; those with neither gold label nor accepted answers are left out.

    Returns:
        One agreement per task that has gold labels. It is undefined where no row was kept or the
        kept rows weigh nothing.
    """
    at = np.array([known.place.get(name, -1) for name in texts(targets["item"])], dtype=np.int64)
    counts = (at >= 0) & known.answered[at]
    kept = counts & targets["kept"].to_numpy(bool)
    task, weight = known.task[at], targets["weight"].to_numpy(float)
    found = {}
    for name in dict.fromkeys(task[counts].tolist()):
        rows = np.flatnonzero(kept & (task == name))
        found[str(name)] = _target_accuracy(targets, rows, weight[rows], at[rows], known)
    return found


def _target_accuracy(
    targets: pd.DataFrame, rows: np.ndarray, weights: np.ndarray, at: np.ndarray, known: Known
) -> Agreement:
    """Of some rows of the targets, whose items stand `at` these places."""
    if weights.sum() <= 0:
        return Agreement(None, len(rows), "no target was kept with a weight above 0")
    gold = known.gold[at]
    on_gold = np.zeros(len(rows))
    options = gold >= 0
    shares, begin = numbers(targets["distribution"].iloc[rows[options]])
    on_gold[options] = shares[begin + gold[options]]
    for row in np.flatnonzero(~options):
        text = targets["text"].iloc[rows[row]]
        on_gold[row] = exact_match(text, known.items["answers"].iloc[at[row]])
    return Agreement(float(np.average(on_gold, weights=weights)), len(rows))


def unread_answers(targets: pd.DataFrame) -> Agreement | None:
    """The share of target rows whose item the model was asked about in vain: nothing that it said
    could be read as an answer. None of a method whose targets rest on no answer."""
    said = texts(targets["reason"]) if "reason" in targets else ()
    unread = 0 if UNREAD.isdisjoint(said) else sum(reason in UNREAD for reason in said)
    judged = [name for name in ("suspicion", "nll") if name in targets]
    if not unread and all(targets[name].isna().all() for name in judged):
        return None
    return Agreement(unread / len(targets), len(targets))


def unparsed(predictions: pd.DataFrame, items: pd.DataFrame) -> Agreement | None:
    """The share of test items with options of whose distribution the model wrote something that
    could not be read. None of a model that was not asked to write any.

    Args:
        predictions: table `tables.PREDICTIONS`.
        items: table `tables.ITEMS`.
    """
    if "text" not in predictions or predictions["text"].isna().all():
        return None
    test = items.loc[(items["split"] == "test") & items["options"].map(len).gt(0), "item"]
    said = predictions.reindex(columns=["item", "text", "verbal"])
    asked = said[said["item"].isin(test) & said["text"].notna()]
    return Agreement(float(asked["verbal"].isna().mean()), len(asked)) if len(asked) else None


def expertise_spearman(annotators: pd.DataFrame, truth: Truth) -> dict[str, Agreement]:
    """Rank correlation of learned and true expertise over the annotators, ties at their mean rank.

    Ranks only, because REALM's mixture identifies expertise up to a common scale.

    Args:
        annotators: table `tables.ANNOTATORS`.
        truth: annotators that are not in it are left out.

    Returns:
        One agreement per task. It is undefined for fewer than two annotators, and where the learned
        or the true expertise is the same for all.
    """
    learned, true = annotators["expertise"].to_numpy(float), true_expertise(annotators, truth)
    task, known = texts(annotators["task"]), ~np.isnan(true)
    parts = {name: known & (task == name) for name in dict.fromkeys(task[known].tolist())}
    return {str(name): spearman(learned[part], true[part]) for name, part in parts.items()}


def true_expertise(annotators: pd.DataFrame, truth: Truth) -> np.ndarray:
    """[rows] of `tables.ANNOTATORS`, NaN where the truth is not known.

    Expertise over all tasks is compared with the mean of the true ones.
    """
    rows = zip(texts(annotators["annotator"]), texts(annotators["task"]), strict=True)
    return np.array([truth.expertise.get(row, np.nan) for row in rows], dtype=float)


def spearman(learned: np.ndarray, true: np.ndarray) -> Agreement:
    """Of [annotators] expertise; undefined as `expertise_spearman` says."""
    from scipy.stats import rankdata

    if len(learned) < 2:
        return Agreement(None, len(learned), "fewer than two annotators")
    for values, word in ((learned, "learned"), (true, "true")):
        if len(np.unique(values[~np.isnan(values)])) == 1:
            return Agreement(None, len(learned), f"the {word} expertise is the same for all")
    ranks = rankdata(learned), rankdata(true)
    return Agreement(float(np.corrcoef(*ranks)[0, 1]), len(learned))


def over_tasks(by_task: dict[str, Agreement]) -> Agreement:
    """Unweighted mean over tasks; undefined where one of them is, with that task's reason."""
    n = sum(agreement.n for agreement in by_task.values())
    for task, agreement in by_task.items():
        if agreement.value is None:
            where = f"{task}: " if len(by_task) > 1 else ""
            return Agreement(None, n, f"{where}{agreement.reason}")
    return Agreement(float(np.mean([a.value for a in by_task.values()])), n)
