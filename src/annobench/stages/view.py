"""Views: what an untrained model says of each item. No label is in a view."""

from functools import partial

import pandas as pd

from annobench import tables, views
from annobench.models.asking import Asker


def view(name: str, asker: Asker, items: pd.DataFrame, reflections: int) -> pd.DataFrame:
    """`tables.VIEW` of all items, by one of the names of `methods.VIEWS`; responses are of test
    items only.

    Raises:
        AnnobenchError: the model cannot be loaded or asked.
    """
    if name == "responses":
        test = items[items["split"] == "test"]
        said = [one.text for one in asker.responses(test)]
        return tables.frame(
            [{"item": item, "text": text} for item, text in zip(test["item"], said, strict=True)],
            tables.VIEW,
        )
    role, _, generated = name.partition("-")
    ask = partial(asker.ask, backend="generate" if generated else "score")
    return views.base(ask, items) if role == "base" else views.reasoning(ask, items, reflections)
