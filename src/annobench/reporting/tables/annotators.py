"""Whom to believe: every annotator with expertise, interval, agreement, and whether they guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables

COLUMNS = (
    "dataset",
    "model",
    "noise",
    "method",
    "task",
    "rank",
    "annotator",
    "expertise",
    "labels",
    "agreement",
    "no better than guessing",
    "seeds",
)


class Settings(Shown):
    most: int = Field(default=100, ge=2)
    """How many annotators to show under each method and noise: half of them from the top, half from
    the bottom. The ranks tell how many lie between."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, noise, method, task, annotator), the highest expertise first.

    Expertise, labels and agreement are means over seeds. The interval reaches from the lowest to
    the highest end of the seeds' own intervals: it is that of one training run, and no narrower for
    many of them.
    """
    import pandas as pd

    from annobench.reporting.study_tables import groups

    keys = ["dataset", "model", "noise", "method", "task"]
    found = tables.only(settings).annotators
    found = found.assign(guessing=found["guessing"].astype("boolean").astype("Float64"))
    over_seeds = found.groupby([*keys, "annotator"], sort=False, as_index=False).agg(
        expertise=("expertise", "mean"),
        low=("low", "min"),
        high=("high", "max"),
        annotations=("annotations", "mean"),
        agreement=("agreement", "mean"),
        guesses=("guessing", "sum"),
        judged=("guessing", "count"),
        seeds=("expertise", "size"),
    )
    rows: list[dict[str, Any]] = []
    for place, crowd in groups(over_seeds, keys):
        people = crowd.sort_values(["expertise", "annotator"], ascending=[False, True])
        shown = list(enumerate(people.to_dict("records"), start=1))
        if len(shown) > settings.most:
            below = settings.most // 2
            shown = shown[: settings.most - below] + shown[-below:]
        rows += [
            place | {"rank": f"{rank} of {len(people)}"} | _row(person) for rank, person in shown
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(person: dict[Any, Any]) -> dict[str, Any]:
    from annobench.reporting.formats import estimate

    return {
        "annotator": person["annotator"],
        "expertise": estimate(person, mean="expertise"),
        "labels": round(person["annotations"]),
        "agreement": float(person["agreement"]),
        "no better than guessing": _verdict(int(person["guesses"]), int(person["judged"])),
        "seeds": int(person["seeds"]),
    }


def _verdict(guesses: int, judged: int) -> str:
    """Over the seeds in which the annotator gave a label."""
    if guesses in (0, judged):
        return "" if not judged else "yes" if guesses else "no"
    return f"in {guesses} of {judged} seeds"
