"""Frames of targets, as methods build them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from annobench.errors import AnnobenchError
from annobench.methods import Given
from annobench.tables import stack


def one_hot(labels: pd.Series, options: pd.Series) -> list[tuple[float, ...]]:
    """One row per label: probability 1 on the label among that row's number of options.

    Equal rows are one object, so that a million of them fit.

    Raises:
        IndexError: a label is not below its number of options.
    """
    rows = {k: tuple(map(tuple, np.eye(int(k)).tolist())) for k in options.unique()}
    return [rows[k][label] for label, k in zip(labels, options, strict=True)]


def option_counts(items: pd.DataFrame) -> pd.Series:
    """Number of options, indexed by item."""
    return pd.Series(items["options"].map(len).to_numpy(), index=items["item"], name="options")


def target_frame(
    items: pd.Series | list[str],
    distributions: pd.Series | Sequence[Sequence[float]],
    reason: str,
    annotators: pd.Series | None = None,
) -> pd.DataFrame:
    """`tables.TARGETS` with every row kept at weight 1."""
    return pd.DataFrame(
        {
            "item": pd.Series(items).array,
            "annotator": None if annotators is None else annotators.array,
            "distribution": pd.Series(list(distributions), dtype=object),
            "weight": 1.0,
            "kept": True,
            "reason": reason,
        }
    )


def is_free_text(items: pd.DataFrame) -> bool:
    """Whether `tables.ITEMS` ask for free text: they have no options."""
    return not items["options"].map(len).any()


def free_text_targets(items: pd.Series, texts: pd.Series, reason: str) -> pd.DataFrame:
    """`tables.TARGETS` of one free text for each item."""
    return target_frame(items, [(1.0,)] * len(items), reason).assign(text=texts.to_numpy())


def aggregated(
    given: Given, posterior: Callable[[pd.DataFrame, pd.Series], pd.DataFrame], reason: str
) -> pd.DataFrame:
    """`tables.TARGETS` with one row per annotated item, by a function of `annobench.aggregation`.

    Raises:
        AnnobenchError: a label is not one of its item's options, or lacks a name that is needed.
    """
    assert given.annotations is not None
    labels = posterior(given.annotations, option_counts(given.items))
    return target_frame(labels["item"], labels["distribution"], reason)


def chance_corrected_agreement(
    annotations: pd.DataFrame | None, targets: pd.DataFrame
) -> pd.Series | None:
    """Each annotator's agreement with one target per item: 1 is always right, 0 is a guesser.

    The mean over the annotator's labels y of (t_y - 1/K) / (1 - 1/K), t the item's target
    distribution over K options. None if annotators are unknown. Our reconstruction: the form
    (K s - 1)/(K - 1) that turns a label's accuracy s into REALM's beta, with its expectation.
    """
    if annotations is None or annotations["annotator"].isna().any():
        return None
    options = targets["distribution"].map(len).to_numpy()
    chosen = stack(targets["distribution"], int(options.max(initial=1)))
    rows = pd.Series(np.arange(len(targets)), index=targets["item"])
    row = rows.loc[annotations["item"]].to_numpy()
    K = options[row]
    t = chosen[row, annotations["label"].to_numpy(np.int64)]
    agreement = pd.Series((t * K - 1) / (K - 1))
    return agreement.groupby(annotations["annotator"].to_numpy()).mean().sort_index()


def labelled_items(given: Given) -> pd.DataFrame:
    """The annotated items, one row for each annotation: in their order, then by annotator.

    `tables.ITEMS` with the columns annotator, label, and `given`: the label in words, an option's
    text or a free one. Nothing depends on the order of the annotations.

    Raises:
        AnnobenchError: a label is not one of its item's options, or is missing.
    """
    assert given.annotations is not None
    columns = ["item", "annotator", "label", "text"]
    labels = given.annotations.reindex(columns=columns).sort_values(columns)
    rows = given.items.merge(labels, on="item")
    words = zip(rows["item"], rows["options"], rows["label"], rows["text"], strict=True)
    return rows.drop(columns="text").assign(given=[_in_words(*row) for row in words])


def _in_words(item: str, options: Sequence[str], label: float, text: str | None) -> str:
    if len(options) == 0 and isinstance(text, str):
        return text
    if pd.notna(label) and 0 <= label < len(options):
        return options[int(label)]
    found = text if pd.isna(label) else label
    allowed = f"0 to {len(options) - 1}" if len(options) else "a text"
    raise AnnobenchError(f"annotations: item {item!r}: found label {found}; allowed: {allowed}")


def targets_in_words(
    items: pd.DataFrame,
    words: Sequence[str | None] | pd.Series,
    kept: Sequence[bool] | pd.Series | npt.NDArray[np.bool_],
    reason: str | Sequence[str] | npt.NDArray[np.str_],
    suspicion: pd.Series | None = None,
    nll: pd.Series | None = None,
) -> pd.DataFrame:
    """`tables.TARGETS` of answers in words, one row for each of `items`, all of weight 1.

    `items` are `tables.ITEMS` or `labelled_items`. A word is an option's text, of equal options the
    one that was given and else the first; or the answer to an item without options. A row without a
    word has even probabilities, or no text.
    """
    none = pd.Series(None, items.index, dtype=object)
    labels = items.get("label", none)
    free = items["options"].map(len) == 0
    rows = zip(items["options"], words, labels, strict=True)
    return pd.DataFrame(
        {
            "item": items["item"].to_numpy(),
            "annotator": items.get("annotator", none).to_numpy(),
            "distribution": pd.Series([_distribution(*row) for row in rows], dtype=object),
            "weight": 1.0,
            "kept": np.asarray(kept, dtype=bool),
            "reason": reason,
            "text": [
                word if bare and pd.notna(word) else None
                for word, bare in zip(words, free, strict=True)
            ],
            "suspicion": np.nan if suspicion is None else suspicion.to_numpy(float),
            "nll": np.nan if nll is None else nll.to_numpy(float),
        }
    )


def _distribution(
    options: Sequence[str], word: str | None, label: float | None
) -> tuple[float, ...]:
    """One-hot at the word, even without one; [1] for free text."""
    if len(options) == 0:
        return (1.0,)
    if word is None or pd.isna(word):
        return (1 / len(options),) * len(options)
    given = None if label is None or pd.isna(label) else int(label)
    place = given if given is not None and options[given] == word else list(options).index(word)
    return tuple(float(number == place) for number in range(len(options)))


def among_smallest(values: pd.Series, share: float) -> pd.Series:
    """Which values are among the smallest `share` of those known, rounded up; of equal ones the
    first. Unknown values are not."""
    known = values.astype(float)
    count = math.ceil(round(share * known.notna().sum(), 6))  # 0.28 * 25 is 7.000000000000001
    return known.rank(method="first") <= count


def low_component(losses: pd.Series) -> pd.Series:
    """Which losses [N] belong to the lower of two Gaussians fitted to them all.

    As in DivideMix (Li et al., ICLR 2020): the lower component's posterior is above one half. What
    lies below its mean belongs to it too, and what lies above the other's mean does not, so that a
    wide component does not reach beyond a narrow one. Losses that are all equal show no second
    component: all belong to the lower.
    """
    from sklearn.mixture import GaussianMixture

    if losses.nunique() < 2:
        return pd.Series(True, losses.index)
    column = losses.to_numpy(float)[:, None]
    mixture = GaussianMixture(2, random_state=0).fit(column)
    means = mixture.means_[:, 0]
    low = int(means.argmin())
    likely = mixture.predict_proba(column)[:, low] > 0.5
    found: pd.Series = (losses <= means[low]) | (likely & (losses < means[1 - low]))
    return found


def p_of(probabilities: pd.Series, labels: pd.Series) -> pd.Series:
    """Each row's probability of its label, from those of its options; above 0, so that it has a
    logarithm."""
    p = [row[int(label)] for row, label in zip(probabilities, labels, strict=True)]
    return pd.Series(np.maximum(p, np.finfo(float).tiny), labels.index)
