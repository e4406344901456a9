"""Evaluate: the files of all cells to the tables of the study."""

from pathlib import Path

import pandas as pd

from annobench import tables
from annobench.errors import AnnobenchError, one_line
from annobench.evaluation.cells import CellResult
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.study import COST_FIELDS, RUN_FIELDS
from annobench.files import canonical_json, read_json


def read_cell(
    folder: Path,
    dataset: str,
    noise: str | None,
    model: str,
    method: str,
    seed: int | None,
) -> CellResult:
    """One cell's files.

    Raises:
        AnnobenchError: a file is missing or broken.
    """
    record = read_json(folder / "run.json")
    try:
        run = {name: record[name] for name in (*RUN_FIELDS, *COST_FIELDS) if name != "settings"}
        run["settings"] = canonical_json(record["recipe"]["method"])
    except (LookupError, TypeError, ValueError) as error:
        raise AnnobenchError(
            f"{folder}/run.json: found no record of a cell ({one_line(error)}); allowed: one"
        ) from error

    def table(name: str) -> pd.DataFrame | None:
        frame = tables.read(folder / f"{name}.parquet", getattr(tables, name.upper()))
        return None if frame.empty else frame

    return CellResult(
        dataset=dataset,
        noise=noise,
        model=model,
        method=method,
        seed=seed,
        predictions=table("predictions"),
        targets=table("targets"),
        annotators=table("annotators"),
        history=table("history"),
        **run,
    )


def read_crowd(annotations: Path, truth: Path, dataset: str, noise: str, seed: int) -> Crowd:
    """One draw of annotations.

    Raises:
        AnnobenchError: a file is missing or broken.
    """
    return Crowd(
        dataset=dataset,
        noise=noise,
        seed=seed,
        annotations=tables.read(annotations, tables.ANNOTATIONS),
        truth=tables.read(truth, tables.TRUTH),
    )
