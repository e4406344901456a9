"""Views: what a model says of each item before any training. No label is in a view."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from annobench.models.decoder import States
from annobench.models.settings import Model
from annobench.models.tokens import TokenItem
from annobench.models.tuning import Scorer, load_scorer
from annobench.training.loop import predict
from annobench.training.precision import pick_device, store_frozen
from annobench.training.settings import Training


def base(
    items: pd.DataFrame,
    tokens: list[TokenItem],
    states: States | None,
    folder: Path,
    model: Model,
    training: Training,
) -> pd.DataFrame:
    """`tables.PREDICTIONS` of all items under the model as it comes.

    Raises:
        AnnobenchError: the model cannot be loaded.
        DivergedError: the model's scores are not numbers.
    """
    torch.set_num_threads(training.threads)
    scorer = load_scorer(folder, model, tokens, states, training.row_tokens, pick_device())
    store_frozen(scorer.model, training.precision)
    return prediction_frame(items, predict_items(scorer, items, training.precision))


def predict_items(scorer: Scorer, items: pd.DataFrame, precision: str) -> Tensor:
    """log p of every option, [items, K], -inf beyond an item's own options."""
    width = int(items["options"].map(len).max())
    return predict(scorer, np.arange(len(items)), width, precision)


def prediction_frame(items: pd.DataFrame, log_p: Tensor) -> pd.DataFrame:
    """`tables.PREDICTIONS` of log-probabilities [items, K]."""
    p = log_p.double().softmax(-1).numpy()
    options = items["options"].map(len)
    return pd.DataFrame(
        {
            "item": items["item"].to_numpy(),
            "probabilities": [row[:k].tolist() for row, k in zip(p, options, strict=True)],
        }
    )
