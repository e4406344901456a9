"""Which users to keep, as a table for people who want the filter alone. Needs no torch."""

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from annobench.attentiveness import Estimate
from annobench.comparisons import Comparisons
from annobench.errors import AnnobenchError
from annobench.estimators import Estimator, estimate
from annobench.explain import sentences


def estimated(found: Comparisons, kind: str, **keys: float | str | None) -> Estimate:
    """What an estimator of this kind says of the users; keys that are None are its defaults.

    Raises:
        AnnobenchError: there is no such kind, a key does not fit it, or nothing can be estimated.
    """
    given = {"kind": kind} | {key: value for key, value in keys.items() if value is not None}
    try:
        settings = TypeAdapter(Estimator).validate_python(given)
    except ValidationError as error:
        raise AnnobenchError("; ".join(sentences(error, given))) from error
    return estimate(found.choices, settings)


def table(found: Comparisons, said: Estimate) -> pd.DataFrame:
    """One row per user: `comparisons`, in how many the stronger model's response was chosen
    (`chose_stronger`), `attentiveness` with its 95 % interval (`low`, `high`), and `keep`, which is
    "keep" or "drop"."""
    per_user = pd.Series(found.choices.stronger).groupby(found.choices.user)
    return pd.DataFrame(
        {
            "user": found.users,
            "comparisons": per_user.size(),
            "chose_stronger": per_user.sum(),
            "attentiveness": said.attentiveness,
            "low": said.low,
            "high": said.high,
            "keep": pd.Series(said.kept).map({True: "keep", False: "drop"}),
        }
    )


def summary(found: Comparisons, said: Estimate) -> str:
    """What was read and what was found, a few lines."""
    choices = found.choices
    comparisons = len(choices.user)
    kept, of_kept = int(said.kept.sum()), int(said.kept[choices.user].sum())
    left_out = f"; users left out: {found.left_out:,}" if found.left_out else ""
    mu = "as the scores say" if said.mu is None else f"{said.mu:.3f}"
    kept_users = f"{kept:,} users ({kept / choices.users:.1%})"
    return "\n".join(
        [
            f"{choices.users:,} users, {comparisons:,} comparisons{left_out}",
            f"stronger model: {found.stronger}, chosen in {choices.stronger.mean():.1%}",
            f"an attentive user chooses it with probability mu: {mu}",
            f"mean attentiveness of all users: {said.share:.3f}",
            f"kept: {kept_users}, {of_kept:,} comparisons ({of_kept / comparisons:.1%})",
        ]
    )
