"""What a method learned about the labels and about the annotators, against the truth."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from annobench.free_text import exact_match

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

UNREAD = ("no answer", "no verdict")
"""The reason of a target row whose item a method asked the model about in vain."""


class Agreement(NamedTuple):
    """`value` is None, with the reason, where it is not defined; it rests on `n` rows."""

    value: float | None
    n: int
    reason: str | None = None


def target_accuracy(targets: pd.DataFrame, items: pd.DataFrame) -> dict[str, Agreement]:
    """Weighted mean, over kept rows, of the probability that a target gives to the gold label; a
    target of free text is right if it matches an accepted answer exactly.

    Args:
        targets: table `tables.TARGETS`.
        items: table `tables.ITEMS`; items with neither gold label nor accepted answers are left
            out.

    Returns:
        One agreement per task that has gold labels. It is undefined where no row was kept or the
        kept rows weigh nothing.
    """
    columns = ["item", "task", "gold", "answers"]
    known = items.loc[items["gold"].notna() | items["answers"].notna(), columns]
    rows = targets.merge(known, on="item", validate="many_to_one")
    return {str(task): _target_accuracy(part) for task, part in rows.groupby("task", sort=False)}


def _target_accuracy(rows: pd.DataFrame) -> Agreement:
    kept = rows[rows["kept"]]
    weights = kept["weight"].to_numpy(float)
    if weights.sum() <= 0:
        return Agreement(None, len(kept), "no target was kept with a weight above 0")
    columns = ["gold", "distribution", "text", "answers"]
    on_gold = [_on_gold(*row) for row in kept[columns].itertuples(index=False)]
    return Agreement(float(np.average(on_gold, weights=weights)), len(kept))


def _on_gold(
    gold: int | None, distribution: Sequence[float], text: str, answers: Iterable[str]
) -> float:
    return float(exact_match(text, answers) if pd.isna(gold) else distribution[int(gold)])


def unread_answers(targets: pd.DataFrame) -> Agreement | None:
    """The share of target rows whose item the model was asked about in vain: nothing that it said
    could be read as an answer. None of a method whose targets rest on no answer."""
    said = targets.reindex(columns=["reason", "suspicion", "nll"])
    unread = said["reason"].isin(UNREAD)
    if not unread.any() and said[["suspicion", "nll"]].isna().all(axis=None):
        return None
    return Agreement(float(unread.mean()), len(targets))


def unparsed(predictions: pd.DataFrame, items: pd.DataFrame) -> Agreement | None:
    """The share of test items with options of whose distribution the model wrote something that
    could not be read. None of a model that was not asked to write any.

    Args:
        predictions: table `tables.PREDICTIONS`.
        items: table `tables.ITEMS`.
    """
    test = items.loc[(items["split"] == "test") & items["options"].map(len).gt(0), "item"]
    said = predictions.reindex(columns=["item", "text", "verbal"])
    asked = said[said["item"].isin(test) & said["text"].notna()]
    return Agreement(float(asked["verbal"].isna().mean()), len(asked)) if len(asked) else None


def expertise_spearman(annotators: pd.DataFrame, truth: pd.DataFrame) -> dict[str, Agreement]:
    """Rank correlation of learned and true expertise over the annotators, ties at their mean rank.

    Ranks only, because REALM's mixture identifies expertise up to a common scale.

    Args:
        annotators: table `tables.ANNOTATORS`.
        truth: table `tables.TRUTH`; annotators that are not in it are left out.

    Returns:
        One agreement per task. It is undefined for fewer than two annotators, and where the learned
        or the true expertise is the same for all.
    """
    rows = with_truth(annotators, truth).dropna(subset="true_expertise")
    return {str(task): spearman(part) for task, part in rows.groupby("task", sort=False)}


def with_truth(annotators: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """`tables.ANNOTATORS` with a column `true_expertise`, null where the truth is not known.

    Expertise over all tasks is compared with the mean of the true ones.
    """
    overall = truth.groupby("annotator", as_index=False)["expertise"].mean().assign(task="all")
    true = pd.concat([truth[overall.columns], overall[~overall["task"].isin(truth["task"])]])
    true = true.rename(columns={"expertise": "true_expertise"})
    return annotators.merge(true, on=["annotator", "task"], how="left", validate="one_to_one")


def spearman(rows: pd.DataFrame) -> Agreement:
    """Of columns expertise and true_expertise; undefined as `expertise_spearman` says."""
    from scipy.stats import spearmanr

    if len(rows) < 2:
        return Agreement(None, len(rows), "fewer than two annotators")
    for column, word in (("expertise", "learned"), ("true_expertise", "true")):
        if rows[column].nunique() == 1:
            return Agreement(None, len(rows), f"the {word} expertise is the same for all")
    value = spearmanr(rows["expertise"], rows["true_expertise"]).statistic
    return Agreement(float(value), len(rows))


def over_tasks(by_task: dict[str, Agreement]) -> Agreement:
    """Unweighted mean over tasks; undefined where one of them is, with that task's reason."""
    n = sum(agreement.n for agreement in by_task.values())
    for task, agreement in by_task.items():
        if agreement.value is None:
            where = f"{task}: " if len(by_task) > 1 else ""
            return Agreement(None, n, f"{where}{agreement.reason}")
    return Agreement(float(np.mean([a.value for a in by_task.values()])), n)
