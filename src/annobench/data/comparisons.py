"""Your own comparisons: pairs of two models' responses, and which of them each user chose.

`path` has the columns `user`, `first`, `second` and `chosen`, and `responses` the columns
`response`, `prompt`, `model`, `text` and perhaps `score`, see `annobench.comparisons`. Each pair of
responses is one item, whatever their order of display, and its labels are the users' choices. They
are left to noise of the kind `observed`: shares of choices that careless users made as well are
nobody's opinion, so an item has no distribution, and its gold preference is known from scores only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from annobench.errors import AnnobenchError
from annobench.pairs import Pairs, better
from annobench.settings import UserPath
from annobench.splits import Size, drawn

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PAIRS = True
_FILE = r"\.(csv|jsonl|ndjson|parquet)$"


class Settings(Pairs):
    path: UserPath = Field(pattern=_FILE)
    """The comparisons, relative to the working folder: .csv, .jsonl, .ndjson or .parquet."""
    responses: UserPath = Field(pattern=_FILE)
    """The responses, likewise."""
    stronger: str | None = None
    """The stronger of the two models; by default the one that is chosen more often."""
    ordered: bool = True
    """Whether `first` and `second` are the order in which the responses were shown."""
    at_least: int | None = Field(None, ge=2)
    """Leave out users with fewer comparisons; by default a user with only one is an error."""
    test: Size = None
    """Prompts whose pairs are for testing, drawn at random: a share below 1, or a number of
    prompts; by default 0.2."""
    validation: Size = None
    """Prompts whose pairs are for validation, likewise; by default none."""

    @property
    def files(self) -> tuple[str, ...]:
        return self.path, self.responses


def size(settings: Settings) -> None:
    """Not known before the file is read."""


def items(name: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """The table `tables.ITEMS`, in the order in which pairs first come in the file.

    Raises:
        AnnobenchError: whatever `comparisons.read` raises, or there are no training items.
    """
    import numpy as np
    import pandas as pd

    from annobench import comparisons
    from annobench.tables import ITEMS

    found = comparisons.read(
        Path(settings.path),
        Path(settings.responses),
        settings.stronger,
        ordered=settings.ordered,
        at_least=settings.at_least,
        control=settings.control,
    )
    choices, pair, responses = found.choices, found.pair, found.responses
    assert pair is not None
    assert responses is not None
    key = pair[:, 0] * len(responses) + pair[:, 1]
    item, keys = pd.factorize(key)
    order = np.argsort(item, kind="stable")
    ends = np.cumsum(np.bincount(item))[:-1]
    pairs = np.stack(np.divmod(keys, len(responses)), axis=1)

    def of_items(values: np.ndarray) -> list[list[Any]]:
        """Each item's own, in the order of the file."""
        return [part.tolist() for part in np.split(values[order], ends)]

    def both(column: str) -> list[list[Any]]:
        """Of the responses of each item."""
        values = responses[column].to_numpy(dtype=object)
        texts: list[list[Any]] = values[pairs].tolist()
        return texts

    prompts = responses["prompt"].to_numpy(dtype=object)[pairs[:, 0]]
    first = choices.first
    codes, distinct = pd.factorize(prompts)
    splits = drawn(name, len(distinct), settings.test, settings.validation)[codes]
    if not (splits == "train").any():
        raise AnnobenchError(f"{settings.path}: found no training items; allowed: one or more")
    scores = both("score") if "score" in responses else None
    gold = [None] * len(pairs) if scores is None else [better(own) for own in scores]
    columns = {
        "item": [" / ".join(ids) for ids in both("response")],
        "task": name,
        "split": splits,
        "prompt": prompts,
        "options": both("text"),
        "gold": pd.array(gold, "Int64"),
        "labels": of_items(np.where(choices.stronger, 0, 1)),
        "annotators": of_items(np.array(found.users, dtype=object)[choices.user]),
        "sources": both("model"),
        "scores": scores,
        "firsts": None if first is None else of_items(np.where(first, 0, 1)),
    }
    return pd.DataFrame(dict.fromkeys(ITEMS.names) | columns)
