"""Prepare: a data set's items."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from annobench.errors import AnnobenchError
from annobench.pairs import Pairs, rescored
from annobench.pairs import refuse as refuse_pairs
from annobench.registry import component
from annobench.settings import Settings


def prepare(
    name: str,
    kind: str,
    settings: Settings,
    hub_root: Path | None = None,
    responses: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """`tables.ITEMS` of the data set `name` of this kind; `responses` (`tables.RESPONSES`) are what
    models had to say of it, if models take part in it.

    Raises:
        AnnobenchError: whatever the kind, `refuse` or `pairs.refuse` raises.
    """
    how = component("data", kind)
    items: pd.DataFrame
    if hasattr(how, "prompts"):
        items = how.items(name, settings, hub_root, responses)
    else:
        items = how.items(name, settings, hub_root)
    refuse(name, items)
    if isinstance(settings, Pairs):
        if settings.reward_model is not None:
            assert responses is not None
            items = rescored(items, responses[responses["source"] == settings.reward_model.source])
        refuse_pairs(name, items, settings.control)
    return items


def refuse(name: str, items: pd.DataFrame) -> None:
    """Check a table `tables.ITEMS`.

    Raises:
        AnnobenchError: an item comes twice, a gold label is none of its options, only some items
            have options, an item has neither options nor an accepted answer, or its labels or
            their distribution do not fit its options.
    """
    twice = items["item"][items["item"].duplicated()]
    if len(twice):
        raise AnnobenchError(f"datasets.{name}: item {twice.iloc[0]!r} found twice; allowed: once")
    free = items["options"].map(len) == 0
    if free.any() and not free.all():
        raise AnnobenchError(
            f"datasets.{name}: found no options of item {items['item'][free].iloc[0]!r}, but some "
            f"of {items['item'][~free].iloc[0]!r}; allowed: options of all items, or of none"
        )
    for item, answers in zip(items["item"][free], items["answers"][free], strict=True):
        if not isinstance(answers, list) or not answers or not all(map(str.strip, answers)):
            raise AnnobenchError(
                f"datasets.{name}: item {item!r}: found answers {answers}; "
                "allowed without options: at least one, none of them empty"
            )
    known = items[items["gold"].notna()]
    for item, gold, options in zip(known["item"], known["gold"], known["options"], strict=True):
        if not 0 <= gold < len(options):
            raise AnnobenchError(
                f"datasets.{name}: item {item!r}: gold {gold} found; "
                f"allowed: 0 to {len(options) - 1}"
            )
    _refuse_labels(name, items)


def _refuse_labels(name: str, items: pd.DataFrame) -> None:
    """Check people's labels, who gave them, and their shares."""
    given = items.reindex(columns=["item", "options", "labels", "annotators", "distribution"])
    for item, options, labels, annotators, shares in given.itertuples(index=False, name=None):
        K = len(options)
        if np.ndim(labels) and not all(0 <= label < K for label in labels):
            raise _unfit(name, item, f"labels {list(labels)}", f"numbers from 0 to {K - 1}")
        if np.ndim(annotators) and len(annotators) != np.size(labels):
            raise _unfit(name, item, f"{len(annotators)} annotators", "one for each label")
        if np.ndim(shares) and (
            len(shares) != K or min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6)
        ):
            allowed = f"{K} shares, one for each option, that sum to 1"
            raise _unfit(name, item, f"distribution {list(shares)}", allowed)


def _unfit(name: str, item: str, found: str, allowed: str) -> AnnobenchError:
    return AnnobenchError(f"datasets.{name}: item {item!r}: found {found}; allowed: {allowed}")
