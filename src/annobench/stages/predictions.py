"""Predictions of items, as a frame."""

import numpy as np
import pandas as pd
from torch import Tensor

from annobench.models.tuning import Scorer
from annobench.training.loop import predict


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
