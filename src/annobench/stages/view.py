"""Views: what an untrained model says of each item. No label is in a view."""

from functools import partial

import pandas as pd

from annobench import views
from annobench.models.asking import Asker


def view(name: str, asker: Asker, items: pd.DataFrame, reflections: int) -> pd.DataFrame:
    """`tables.VIEW` of all items, by one of the names of `methods.VIEWS`.

    Raises:
        AnnobenchError: the model cannot be loaded or asked.
    """
    role, _, generated = name.partition("-")
    ask = partial(asker.ask, backend="generate" if generated else "score")
    return views.base(ask, items) if role == "base" else views.reasoning(ask, items, reflections)
