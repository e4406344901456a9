"""Evaluate: the files of all cells to the tables of the study."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from annobench import tables
from annobench.errors import AnnobenchError, one_line
from annobench.evaluation.cells import CellResult
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.given import Given
from annobench.evaluation.study import COST_FIELDS, RUN_FIELDS, Measured, measure, noises_of
from annobench.files import canonical_json, read_json
from annobench.study import Cell

_TOGETHER = 100
"""Cells whose files are read at once; they take a few megabytes."""


def fingerprint(folders: Sequence[Path]) -> dict[str, Any]:
    """How many cells there are, and the SHA-256 of all their run records, in this order.

    Raises:
        OSError: a record is missing.
    """
    digest = hashlib.sha256()
    for folder in folders:
        digest.update((folder / "run.json").read_bytes())
    return {"cells": len(folders), "sha256": digest.hexdigest()}


Numbered = tuple[int, tuple[Path, Cell]]


def measure_all(
    cells: Sequence[tuple[Path, Cell]], known: Given, processes: int = 1
) -> list[Measured]:
    """What each (data set, model) adds to the tables of a study.

    Args:
        cells: of the whole study, with the folders of their files.
        processes: how many measure beside each other, a data set and model each.

    Raises:
        AnnobenchError: a file is missing or broken, or does not fit the items; or a process was
            killed.
    """
    places: dict[tuple[str, str], list[Numbered]] = {}
    for number, (folder, cell) in enumerate(cells):
        places.setdefault((cell.dataset, cell.model), []).append((number, (folder, cell)))
    noises = noises_of((cell.dataset, cell.noise) for _, cell in cells)
    processes = min(processes, len(places))
    if processes <= 1:
        return [_measure(known, noises, here) for here in places.values()]
    # Forked, they have what is known without its being sent.
    with ProcessPoolExecutor(processes, get_context("fork"), _keep, (known, noises)) as pool:
        try:
            return list(pool.map(_measure_kept, places.values()))
        except BrokenProcessPool as error:
            raise AnnobenchError(
                "evaluate: found that one of its processes was killed, for lack of memory perhaps; "
                "allowed: processes that end"
            ) from error


_kept: list[partial[Measured]] = []
"""In a process of the pool: how it measures."""


def _keep(known: Given, noises: Mapping[str, Sequence[str]]) -> None:
    _kept[:] = [partial(_measure, known, noises)]


def _measure_kept(cells: Sequence[Numbered]) -> Measured:
    return _kept[0](cells)


def _measure(
    known: Given, noises: Mapping[str, Sequence[str]], cells: Sequence[Numbered]
) -> Measured:
    numbers = [number for number, _ in cells]
    found = read_cells([cell for _, cell in cells])
    return measure(zip(numbers, found, strict=True), known, noises)


def read_cells(cells: Sequence[tuple[Path, Cell]]) -> Iterator[CellResult]:
    """Cells from the folders of their files, in this order.

    Raises:
        AnnobenchError: a file is missing or broken.
    """
    for begin in range(0, len(cells), _TOGETHER):
        together = cells[begin : begin + _TOGETHER]
        frames = {
            name: tables.read_all(
                [folder / f"{name}.parquet" for folder, _ in together],
                getattr(tables, name.upper()),
            )
            for name in ("predictions", "targets", "annotators", "history")
        }
        for number, (folder, cell) in enumerate(together):
            found = _run(folder / "run.json") | asdict(cell)
            for name, of_cells in frames.items():
                found[name] = None if of_cells[number].empty else of_cells[number]
            yield CellResult(**found)


def _run(path: Path) -> dict[str, Any]:
    """What the evaluation takes from a cell's record."""
    record = read_json(path)
    try:
        run = {name: record[name] for name in (*RUN_FIELDS, *COST_FIELDS) if name != "settings"}
        return run | {"settings": canonical_json(record["recipe"]["method"])}
    except (LookupError, TypeError, ValueError) as error:
        raise AnnobenchError(
            f"{path}: found no record of a cell ({one_line(error)}); allowed: one"
        ) from error


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
