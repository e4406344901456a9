"""Embed: the direction of each item's prompt under a sentence encoder."""

from pathlib import Path

import pandas as pd
import torch

from annobench.models.encoder import embed


def embeddings(items: pd.DataFrame, folder: Path, threads: int) -> pd.DataFrame:
    """`tables.EMBEDDINGS` of `tables.ITEMS`.

    Raises:
        AnnobenchError: there is no encoder in the folder.
    """
    torch.set_num_threads(threads)
    vectors = embed(folder, items["prompt"].tolist())
    return pd.DataFrame({"item": items["item"], "vector": list(vectors.astype(float))})


def by_item(frame: pd.DataFrame) -> pd.DataFrame:
    """`tables.EMBEDDINGS` as one row of numbers for each item, indexed by item."""
    import numpy as np

    return pd.DataFrame(np.stack(frame["vector"].tolist()), index=frame["item"])
