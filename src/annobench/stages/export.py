"""Export: a cell's trained model as a folder to use or to share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annobench import layout, sums, tables, tensors
from annobench.card import card
from annobench.errors import AnnobenchError
from annobench.files import csv_text, read_json, replacing_folder
from annobench.models.loading import is_encoder_decoder
from annobench.models.saving import save_model
from annobench.models.settings import Model


@dataclass(frozen=True)
class Kept:
    """A cell whose model is to be exported."""

    key: dict[str, Any]
    """dataset, noise, model, method, seed."""
    run: dict[str, Any]
    """Its run.json."""
    items: pd.DataFrame
    """`tables.ITEMS`"""
    predictions: pd.DataFrame
    annotators: pd.DataFrame
    metrics: pd.DataFrame
    """The cell's own rows of `tables.METRICS`."""
    parameters: dict[str, Any]
    """The trained tensors, by name."""


def read_kept(
    folder: Path, key: dict[str, Any], items: pd.DataFrame, metrics: pd.DataFrame
) -> Kept:
    """A cell's files, and what `metrics` (`tables.METRICS`) says of it.

    Raises:
        AnnobenchError: a file is missing or broken, or the cell has no trained model.
    """
    run = read_json(folder / "run.json")
    if run["status"] != "ok":
        raise AnnobenchError(
            f"{folder}: found a cell that is {run['status']} ({run['reason']}); allowed: ok"
        )
    own = pd.Series(True, index=metrics.index)
    for axis, name in key.items():
        own &= metrics[axis].isna() if name is None else (metrics[axis] == name).fillna(False)
    return Kept(
        key=key,
        run=run,
        items=items,
        predictions=tables.read(folder / "predictions.parquet", tables.PREDICTIONS),
        annotators=tables.read(folder / "annotators.parquet", tables.ANNOTATORS),
        metrics=metrics[own],
        parameters=tensors.read(folder / "trained.safetensors"),
    )


def export(kept: Kept, source: Path, model: Model, out: Path) -> None:
    """Write `out`: the model and its tokenizer, README.md (the card), predictions.csv,
    annotators.csv, and the checksums of all in SHA256SUMS.

    `source` is the folder of the model before training.

    Raises:
        AnnobenchError: the cell's parameters are not the model's.
    """
    predicted = predictions(kept.items, kept.predictions)
    with replacing_folder(out) as folder:
        save_model(source, model, kept.parameters, folder)
        for name, frame in {"predictions": predicted, "annotators": kept.annotators}.items():
            (folder / f"{name}.csv").write_text(csv_text(frame), encoding="utf-8", newline="")
        text = card(
            kept.key,
            kept.run,
            kept.metrics,
            model,
            kept.items.iloc[0],
            encoder_decoder=is_encoder_decoder(source),
            adapter=(folder / "adapter_config.json").exists(),
        )
        (folder / "README.md").write_text(text, encoding="utf-8")
        made = [path for path in folder.rglob("*") if path.is_file()]
        sums.write(folder / layout.EXPORT_SUMS, made)


def predictions(items: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """One row per item: its gold label where known, the most likely option, and the probability of
    each option, in the item's order."""
    joined = items.merge(found, on="item", validate="one_to_one")
    options = joined["options"]
    p = tables.stack(joined["probabilities"], int(options.map(len).max()), np.nan)
    chosen = np.nanargmax(p, axis=1)
    columns = {
        "item": joined["item"],
        "split": joined["split"],
        "gold": [
            None if pd.isna(gold) else own[int(gold)]
            for own, gold in zip(options, joined["gold"], strict=True)
        ],
        "prediction": [own[first] for own, first in zip(options, chosen, strict=True)],
    }
    numbered = {f"probability_{number}": column for number, column in enumerate(p.T, start=1)}
    return pd.DataFrame(columns | numbered)
