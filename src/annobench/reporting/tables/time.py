"""Where the time went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.settings import Settings as Base

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from annobench.reporting.study_tables import StudyTables


class Settings(Base):
    """No keys."""

    def named(self) -> Iterator[tuple[str, str, str]]:
        """It names no entry of the study: all jobs are shown."""
        return iter(())


def table(tables: StudyTables, settings: Settings) -> pd.DataFrame:
    """One row per stage and one for all: the commands that the workflow ran, each by its last run,
    until this table was made."""
    from annobench.reporting import times

    return times.table(times.commands(tables.times))
