"""The untrained model of a cell, as its method sees it: `methods.Model`."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd

from annobench import seals, tables
from annobench.files import canonical_json
from annobench.models.asking import Asker
from annobench.questions import Backend, Question
from annobench.settings import Settings


@dataclass(frozen=True)
class Untrained:
    """Answers are kept in files named after the questions and all else that decides them, so cells
    that ask the same, as ablations of a method do, share them, and a stale one is never read."""

    asker: Asker
    folder: Path
    """Where answers are kept."""
    recipe: str
    """What decides an answer, beside the questions and the backend."""
    fitted: Callable[[pd.DataFrame, float, str], pd.DataFrame]
    expertise_of: Callable[[ModuleType, Settings, Settings], pd.Series]

    def ask(self, questions: Sequence[Question], backend: Backend) -> pd.DataFrame:
        """See `methods.Model.ask`."""
        key = canonical_json([self.recipe, backend, [asdict(question) for question in questions]])
        path = self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.parquet"
        if not seals.whole(path):
            tables.write(path, self.asker.ask(questions, backend), tables.VIEW)
        return tables.read(path, tables.VIEW)

    def fit(self, targets: pd.DataFrame, epochs: float, name: str) -> pd.DataFrame:
        """See `methods.Model.fit`."""
        return self.fitted(targets, epochs, name)

    def expertise(self, method: ModuleType, settings: Settings, training: Settings) -> pd.Series:
        """See `methods.Model.expertise`."""
        return self.expertise_of(method, settings, training)
