"""Zero-shot: the model as it comes, with no training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import settings as _settings
from annobench.methods import Given, Needs

if TYPE_CHECKING:
    import pandas as pd

NEEDS = Needs(training=False, options=False)


class Settings(_settings.Settings):
    """No keys."""


def targets(given: Given, settings: Settings) -> pd.DataFrame:
    """No targets: nothing is learned."""
    from annobench import tables

    return tables.empty(tables.TARGETS)
