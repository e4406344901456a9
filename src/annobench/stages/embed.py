"""Embed: the direction of each item's prompt under a sentence encoder."""

from pathlib import Path

import pandas as pd

from annobench.models.encoder import embed


def embeddings(items: pd.DataFrame, folder: Path, threads: int) -> pd.DataFrame:
    """`tables.EMBEDDINGS` of `tables.ITEMS`.

    Raises:
        AnnobenchError: there is no encoder in the folder.
    """
    vectors = embed(folder, items["prompt"].tolist(), threads)
    return pd.DataFrame({"item": items["item"], "vector": list(vectors.astype(float))})
