"""What training costs, and how much of it is the sampling of rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.formats import Estimate
    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    """Only which part of the study is shown."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, method), over its noises and seeds; methods that sample no
    rollouts have their training time only.

    Means over the cells that are ok, with their t interval.
    """
    import pandas as pd

    from annobench.evaluation.cells import OK
    from annobench.reporting.study_tables import groups

    rows = []
    for place, runs in groups(tables.only(settings).costs, ["dataset", "model", "method"]):
        ok = runs[runs["status"] == OK]
        lost = runs.loc[runs["status"] != OK, "status"].value_counts(sort=False)
        holes = ", ".join(f"{count} {status}" for status, count in lost.items())
        done = f"{len(ok)} of {len(runs)}"
        rows.append(
            place
            | {
                "cells": f"{done} ({holes})" if holes else done,
                "rollouts/s": _mean(ok["rollouts_per_second"]),
                "sampling, % of training": _mean(100 * ok["rollout_share"].astype(float), 100),
                "training, s": _mean(ok["train_seconds"]),
            }
        )
    names = ["rollouts/s", "sampling, % of training", "training, s"]
    return pd.DataFrame(rows, columns=["dataset", "model", "method", "cells", *names])


def _mean(values: pd.Series, most: float = float("inf")) -> Estimate:
    import pandas as pd

    from annobench.evaluation.summary import t_interval
    from annobench.reporting.formats import estimate

    found = t_interval(values.dropna().to_numpy(float), 0, most)
    return estimate(pd.Series(found._asdict()))
