"""What the cells cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.reporting.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Shown):
    """Only which part of the study is shown."""


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per (data set, model, method), over its noises and seeds: times and speed are medians
    over cells, memory is the largest."""
    import pandas as pd

    from annobench.reporting.study_tables import groups

    rows = [
        place
        | {
            "cells": len(cells),
            "training, s": cells["train_seconds"].median(),
            "whole cell, s": cells["total_seconds"].median(),
            "items/s": cells["items_per_second"].median(),
            "peak memory, GiB": cells["peak_memory_bytes"].astype(float).max() / 2**30,
        }
        for place, cells in groups(tables.only(settings).costs, ["dataset", "model", "method"])
    ]
    return pd.DataFrame(rows)
