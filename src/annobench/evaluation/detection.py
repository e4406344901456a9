"""How well a method found the wrong labels, where the noise knows which ones it made wrong.

A label is flagged unless the method trusted it: kept a target for it whose most likely answer is
the given one. A target of another answer relabels it, one that is not kept drops it.
"""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from annobench.evaluation.agreement import Agreement
from annobench.free_text import exact_match, same
from annobench.tables import stack

TRUSTED, RELABELLED, DROPPED = "trusted", "relabelled", "dropped"
SELECTION = ["item", "nll", "suspicion", "corrupted", "verdict", "right"]
"""The columns of `judged` rows that `tables.SELECTION` keeps."""


def judged(
    annotations: pd.DataFrame,
    targets: pd.DataFrame,
    items: pd.DataFrame,
    hard: pd.Series | None = None,
) -> pd.DataFrame:
    """What became of each label of a training item whose truth the noise knows.

    Args:
        annotations: table `tables.ANNOTATIONS`.
        targets: table `tables.TARGETS`, one row at most for each item and annotator; or for each
            item, where no target names an annotator.
        items: table `tables.ITEMS`.
        hard: `hard_items`, or None where nothing is known of them.

    Returns:
        One row for each label: item; corrupted; verdict, "trusted", "relabelled" or "dropped";
        weight of the target, 0 where the label is not trusted; suspicion and nll as the target
        says; right, whether the target's answer is, null where it was dropped; hard, null where
        that is unknown. A label without target taught nothing: it was dropped.
    """
    train = items.loc[items["split"] == "train", ["item", "gold", "answers"]]
    known = annotations[annotations["corrupted"].notna()].merge(train, on="item")
    signed = targets["annotator"].notna().any()
    rows = known.merge(
        targets if signed else targets.drop(columns="annotator"),
        on=["item", "annotator"] if signed else "item",
        how="left",
        suffixes=("_given", ""),
        validate="many_to_one",
    )
    kept = rows["kept"].eq(True).to_numpy()
    trusted = np.zeros(len(rows), dtype=bool)
    right = pd.array([None] * len(rows), "boolean")
    trusted[kept], right[kept] = _answers(rows[kept])
    return pd.DataFrame(
        {
            "item": rows["item"],
            "corrupted": rows["corrupted"].astype(bool),
            "verdict": np.select([trusted, kept], [TRUSTED, RELABELLED], DROPPED),
            "weight": rows["weight"].where(trusted, 0.0),
            "suspicion": rows["suspicion"].astype(float),
            "nll": rows["nll"].astype(float),
            "right": right,
            "hard": None if hard is None else rows["item"].map(hard),
        }
    )


def _answers(rows: pd.DataFrame) -> tuple[list[bool], list[bool]]:
    """Of each target, whether its answer is the given label, and whether it is right.

    The answer is the most likely option; among equally likely ones the given one.
    """
    if rows["label"].isna().all():
        answers = zip(rows["text"], rows["text_given"], rows["answers"], strict=True)
        both = [
            (same(text, given), exact_match(text, accepted)) for text, given, accepted in answers
        ]
        return [one for one, _ in both], [other for _, other in both]
    p = stack(rows["distribution"], int(rows["distribution"].map(len).max()))
    given = rows["label"].to_numpy(np.int64)
    trusted = p[np.arange(len(rows)), given] == p.max(1)
    answer = np.where(trusted, given, p.argmax(1))
    return trusted.tolist(), (answer == rows["gold"].to_numpy(np.int64)).tolist()


def hard_items(view: pd.DataFrame, items: pd.DataFrame) -> pd.Series:
    """Whether a model's answer to each item is wrong, or it has none: bool, indexed by item.

    Args:
        view: table `tables.VIEW`.
        items: table `tables.ITEMS`; those without gold answer, or not in the view, are left out.
    """
    known = items.loc[items["gold"].notna() | items["answers"].notna(), ["item", "gold", "answers"]]
    rows = known.merge(view, on="item", validate="one_to_one")
    hard = [not _is_right(row) for row in rows.to_dict("records")]
    return pd.Series(hard, index=rows["item"], dtype=bool)


def _is_right(row: dict[Hashable, Any]) -> bool:
    """Of an item's gold answer and a model's."""
    if pd.isna(row["gold"]):
        return not pd.isna(row["text"]) and exact_match(row["text"], row["answers"])
    return not pd.isna(row["answer"]) and int(row["answer"]) == int(row["gold"])


def measures(rows: pd.DataFrame) -> dict[str, Agreement]:
    """Measures of `judged` rows, wrong labels being what is to be found.

    Precision and recall are those of the flagged labels, and the AUC is that of the method's
    suspicion: without it of 1 - weight, where the method weighs the labels that it trusts.
    `relabel-accuracy` is the share of new answers that are right; `lost-correct` the share of right
    labels that were flagged, and `lost-hard` the same where the untrained model answers wrong.

    Returns:
        No measures of a method that neither selects nor weighs, or keeps no target at all.
    """
    flagged, wrong = rows["verdict"] != TRUSTED, rows["corrupted"]
    doubt = _doubt(rows)
    if rows["verdict"].eq(DROPPED).all() or not (flagged.any() or doubt.notna().any()):
        return {}
    lost_hard = Agreement(None, 0, "nothing is known of the untrained model's answers")
    if rows["hard"].notna().any():
        hard = rows["hard"].eq(True)
        lost_hard = _share(flagged[~wrong & hard], "the untrained model answers them all right")
    return {
        "detection-precision": _share(wrong[flagged], "no label was flagged"),
        "detection-recall": _share(flagged[wrong], "no label is wrong"),
        "detection-auc": _auc(wrong, doubt),
        "relabel-accuracy": _share(
            rows.loc[rows["verdict"] == RELABELLED, "right"], "no label was changed"
        ),
        "lost-correct": _share(flagged[~wrong], "no label is right"),
        "lost-hard": lost_hard,
    }


def _doubt(rows: pd.DataFrame) -> pd.Series:
    """What a method ranks labels by, the most doubtful last; null where it does not."""
    trusted = rows["verdict"] == TRUSTED
    if rows["suspicion"].isna().all() and rows.loc[trusted, "weight"].nunique() > 1:
        return 1 - rows["weight"]
    return rows["suspicion"]


def _share(hits: pd.Series, reason: str) -> Agreement:
    """How many of some labels; undefined of none."""
    if hits.empty:
        return Agreement(None, 0, reason)
    return Agreement(float(hits.mean()), len(hits))


def _auc(wrong: pd.Series, doubt: pd.Series) -> Agreement:
    """The chance that a wrong label is doubted more than a right one, ties half."""
    from sklearn.metrics import roc_auc_score

    wrong, ranks = wrong[doubt.notna()], doubt.dropna().rank()
    if ranks.empty:
        return Agreement(None, 0, "labels are not ranked by doubt")
    if wrong.nunique() == 1:
        return Agreement(None, len(wrong), f"all labels are {'wrong' if wrong.any() else 'right'}")
    return Agreement(float(roc_auc_score(wrong, ranks)), len(wrong))


def explained(rows: pd.DataFrame) -> bool:
    """Whether the method says in numbers why it selected as it did."""
    return bool(rows[["nll", "suspicion"]].notna().any(axis=None))
