"""docs/data.md says what the code reads and what a mirror holds."""

import os
import re
from pathlib import Path

import pytest
from pyarrow import parquet

from annobench.data import arc, helpsteer
from annobench.hub import JOIN, Repository
from annobench.registry import component, kinds

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
SEVERAL = {"arc": arc.PARTS, "helpsteer": helpsteer.VERSIONS}


def table(heading):
    """The rows of the table under a heading, without marks of code."""
    text = re.split(rf"^## {heading}$", PAGE, flags=re.M)[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line[1:-1].split("|")] for line in lines[2:]]


def repositories():
    """What the code reads: kind, repository."""
    for kind in kinds("data"):
        data = component("data", kind)
        if kind in SEVERAL:
            yield from ((kind, repository) for repository in SEVERAL[kind].values())
        elif isinstance(getattr(data, "REPOSITORY", None), Repository):
            yield kind, data.REPOSITORY


SOURCES = list(repositories())


def test_every_source_is_listed_as_the_code_has_it():
    listed = {(kind, name, revision) for kind, name, revision, _ in table("Sources")}
    assert listed == {(kind, r.name, r.revision) for kind, r in SOURCES}


def test_every_split_is_listed_as_the_code_has_it():
    listed = {
        (kind, config, own): ours for kind, config, own, ours, _, _ in table("Splits and counts")
    }
    for kind, repository in SOURCES:
        parts = [(o, own) for o, owns in repository.splits.items() for own in owns.split(JOIN)]
        for ours, own in parts:
            if (kind, repository.config, own) in listed:
                assert ours in listed[kind, repository.config, own]
            else:
                assert ours in repository.optional
    assert {(kind, config) for kind, config, _ in listed} == {(k, r.config) for k, r in SOURCES}


@pytest.mark.skipif("ANNOBENCH_HUB_ROOT" not in os.environ, reason="ANNOBENCH_HUB_ROOT is not set")
@pytest.mark.parametrize(
    ("kind", "config", "own", "count"),
    [(row[0], row[1], row[2], row[4]) for row in table("Splits and counts")],
)
def test_counts_of_the_mirror(kind, config, own, count):
    repository = next(r for k, r in SOURCES if (k, r.config) == (kind, config))
    folder = repository.folder(Path(os.environ["ANNOBENCH_HUB_ROOT"])) / config
    files = sorted(folder.glob(f"{own}-*.parquet"))
    found = sum(parquet.read_metadata(file).num_rows for file in files)
    if kind == "chaosnli":
        files = sorted(folder.glob(f"*_{own}.jsonl"))
        found = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    assert count == (f"{found:,}" if files else "not in our copy")
