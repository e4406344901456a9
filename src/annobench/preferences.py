"""What methods of preferences share: their keys, users' choices, and targets of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import PositiveFloat

from annobench import settings as _settings
from annobench.attentiveness import Choices, Estimate
from annobench.attentiveness.two_types import Settings as TwoTypes
from annobench.errors import AnnobenchError
from annobench.estimators import Estimator, estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from annobench.methods import Given


class Dpo(_settings.Settings):
    """How preferences are learned."""

    beta: PositiveFloat = 0.1
    """How strongly the model is held to what it was before training; DPO's beta."""
    by: Literal["trl", "packed"] = "trl"
    """Who computes the loss: TRL's DPOTrainer, with an example for each comparison; or this
    program's own rows, which score a pair once for all its comparisons and read states of frozen
    layers. The two agree."""


class Estimated(_settings.Settings):
    """How users' attentiveness is estimated."""

    users: Estimator = TwoTypes()
    """The estimator: `{kind: two-types}`, say."""


class Filtered(Dpo, Estimated):
    """Both."""


def choices_of(
    annotations: pd.DataFrame, items: pd.DataFrame, users: Sequence[str] | pd.Index
) -> Choices:
    """Comparisons (`tables.ANNOTATIONS`) of pairs (`tables.ITEMS`), in their order; users count in
    the order of `users`."""
    import numpy as np
    import pandas as pd

    shown = items.set_index("item").reindex(columns=["scores"]).loc[annotations["item"], "scores"]
    first = annotations.reindex(columns=["first"])["first"]
    gap = None
    if shown.notna().all():
        scores = np.stack(shown.tolist())
        gap = scores[:, 0] - scores[:, 1]
    return Choices(
        user=pd.Index(users).get_indexer(pd.Index(annotations["annotator"])).astype(np.int64),
        stronger=(annotations["label"] == 0).to_numpy(bool),
        users=len(users),
        first=(first == 0).to_numpy(bool) if first.notna().all() else None,
        gap=gap,
    )


def estimated(given: Given, settings: Any) -> Estimate:
    """What the choices say of `given.annotators`, by `settings` of an estimator.

    Raises:
        AnnobenchError: the data do not name the models, which only `mu: scores` can do without; or
            as `estimators.estimate` does.
    """
    assert given.annotations is not None
    if settings.mu != "scores" and given.items["sources"].isna().any():
        raise AnnobenchError(
            f"users.mu: found {settings.mu!r}, and the data set does not say which models wrote "
            "the responses; allowed: scores"
        )
    return estimate(choices_of(given.annotations, given.items, given.annotators), settings)


def comparison_targets(given: Given, labels: pd.Series, reason: str) -> pd.DataFrame:
    """`tables.TARGETS` with a row for each comparison: the option `labels` is preferred."""
    from annobench.targets import one_hot, option_counts, target_frame

    annotations = given.annotations
    assert annotations is not None
    options = annotations["item"].map(option_counts(given.items))
    return target_frame(
        annotations["item"], one_hot(labels, options), reason, annotations["annotator"]
    )


def keep_users(given: Given, kept: pd.Series, reasons: tuple[str, str]) -> pd.DataFrame:
    """`tables.TARGETS` of all comparisons, learned from those of the users that `kept`, indexed by
    user, is true of; `reasons` of the kept and of the others."""
    import numpy as np

    assert given.annotations is not None
    found = comparison_targets(given, given.annotations["label"], reasons[0])
    keep = found["annotator"].map(kept).to_numpy(bool)
    return found.assign(kept=keep, reason=np.where(keep, *reasons))


def attentiveness_frame(given: Given, found: Estimate) -> pd.DataFrame:
    """Columns expertise, low and high of each user, as `methods` says."""
    import pandas as pd

    return pd.DataFrame(
        {"expertise": found.attentiveness, "low": found.low, "high": found.high},
        index=pd.Index(given.annotators, name="annotator"),
    )
