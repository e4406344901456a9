"""DPO with annobench: our sides of `dpo.py`."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from annobench.methods import Given, dpo
from annobench.models.settings import Model, TopLayers
from annobench.models.tuning import load_scorer
from annobench.stages.encode import states_of
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing, Objective, fit, score
from annobench.training.precision import pick_device, store_frozen
from annobench.training.rows import rows_of
from annobench.training.settings import Training
from annobench.training.trl_dpo import by_trl

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_peer import Asked

STREAM = ("benchmark",)


def ours(given: Asked, folder: Path, by: str) -> tuple[list[float], int]:
    """Seconds at which each step ended, and how many parameters were trained; `by` as in `dpo`."""
    model = Model(source="path:benchmark", tune=TopLayers(layers=given.layers), score="sum")
    training = Training(
        epochs=1,
        items_per_batch=given.per_step,
        lr=given.lr,
        weight_decay=0,
        precision=given.precision,
    )
    states = states_of(given.tokens, given.model, model, training)
    scorer = load_scorer(
        given.model, model, given.tokens, states, training.row_tokens, pick_device()
    )
    store_frozen(scorer.model, training.precision)
    start = score(scorer, np.arange(len(given.tokens)), 2, training.precision)
    settings = dpo.Settings(beta=given.beta)
    objective = Objective(dpo, settings, *_told(given), start)
    saving = Checkpointing(folder / "checkpoint.safetensors", math.inf, "")
    if by == "packed":
        _, history = fit(scorer, objective, training, STREAM, saving)
    else:
        _, history, _ = by_trl(
            given.model, model, given.tokens, objective, training, STREAM, saving
        )
    seconds = [row["seconds"] for row in history]
    return seconds, sum(p.numel() for p in trained(scorer.model).values())


packed, by_trls_loss = partial(ours, by="packed"), partial(ours, by="trl")


def _told(given: Asked) -> tuple[Given, object]:
    """The comparisons, and as rows of targets."""
    names = [item.item for item in given.tokens]
    items = pd.DataFrame({"item": names, "task": "any", "options": [["", ""]] * len(names)})
    rows = [
        (name, label, f"user {user}")
        for name, own in zip(names, given.labels, strict=True)
        for user, label in enumerate(own)
    ]
    told = Given(items, pd.DataFrame(rows, columns=["item", "label", "annotator"]))
    targets = dpo.targets(told, dpo.Settings())
    return told, rows_of(targets, items, told.annotators, told.tasks)
