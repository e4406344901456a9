"""A flipped bit or a missing end, in every kind of file: found, named, never used, and mended."""

from pathlib import Path

import pytest

from annobench import layout

CELL = "geo/half-good/llama/realm/0"
RESULTS = "results/tiny"
MANIFEST = layout.MODEL.format(asset=layout.asset("path:model"))
ANNOTATE, ENCODE, TRAIN = (
    "annotate STUDY geo half-good 0",
    "encode STUDY geo llama",
    f"train STUDY {CELL}",
)

READ = {
    f"{RESULTS}/study.json": ("annotate results/tiny/study.json geo half-good 0", "annotations"),
    f"{RESULTS}/data/geo/items.parquet": (ANNOTATE, "annotations"),
    MANIFEST: (ENCODE, "features"),
    "model/model.safetensors": (ENCODE, "features"),
    "model/tokenizer.json": (ENCODE, "features"),
    f"{RESULTS}/annotations/geo/half-good/0.parquet": (TRAIN, f"cells/{CELL}"),
    f"{RESULTS}/annotations/geo/half-good/0.truth.parquet": (TRAIN, f"cells/{CELL}"),
    f"{RESULTS}/features/geo/llama/tokens.parquet": (TRAIN, f"cells/{CELL}"),
    f"{RESULTS}/features/geo/llama/states.safetensors": (TRAIN, f"cells/{CELL}"),
    f"{RESULTS}/cells/{CELL}/trained.safetensors": (f"export STUDY {CELL}", "models"),
    **{
        f"{RESULTS}/cells/{CELL}/{name}": ("evaluate STUDY", "metrics.parquet")
        for name in layout.CELL_FILES
        if name.endswith((".json", ".parquet"))
    },
    f"{RESULTS}/metrics.parquet": (f"export STUDY {CELL}", "models"),
    f"{RESULTS}/summary.parquet": ("table STUDY results", "tables"),
    f"{RESULTS}/history.parquet": ("figure STUDY training-curves", "figures"),
}
"""Of each kind of file, a command that reads it and where that would write to."""
FOR_READERS = [
    f"{RESULTS}/tables/results.html",
    f"{RESULTS}/tables/results.tex",
    f"{RESULTS}/tables/results.sha256",
    f"{RESULTS}/figures/training-curves.png",
    f"{RESULTS}/report.html",
]


def flip(content, chance):
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def cut(content, chance):
    return content[: chance.randrange(len(content))]


@pytest.fixture
def here(done_study):
    text = done_study.path("config.yaml").read_text(encoding="utf-8")
    done_study.path("exporting.yaml").write_text(f"{text}export: [realm]\n", encoding="utf-8")
    return done_study


def written(path):
    """What lies at a path or below it, and since when."""
    every = [path, *path.rglob("*")] if path.exists() else []
    return {each: each.stat().st_mtime_ns for each in every}


@pytest.mark.parametrize("damage", [flip, cut])
def test_what_is_damaged_is_named_by_its_reader_and_not_used(here, chance, damage):
    for name, (command, target) in READ.items():
        path, place = here.path(name), here.path(f"{RESULTS}/{target}")
        content = path.read_bytes()
        path.write_bytes(damage(content, chance))
        before = written(place)
        status, said = here.call(command.replace("STUDY", "exporting.yaml"))
        assert status == 2, (name, said)
        errors = [line for line in said.splitlines() if line.startswith("annobench: error: ")]
        assert len(errors) == 1, said
        assert name in errors[0]
        assert "Traceback" not in said
        assert written(place) == before, name
        path.write_bytes(content)
    assert here.call("check config.yaml") == (0, "no file is damaged\n")


@pytest.mark.parametrize("damage", [flip, cut])
def test_check_names_what_is_damaged(here, chance, damage):
    for name in [*READ, *FOR_READERS]:
        path = here.path(name)
        content = path.read_bytes()
        path.write_bytes(damage(content, chance))
        status, said = here.call("check config.yaml")
        assert status == 1, name
        if not name.endswith(".sha256"):  # which may now name another file
            assert said.startswith(f"{name}: found "), said
            assert len(said.splitlines()) == 1, said
        path.write_bytes(content)
        path.rename(path.with_name("away"))
        status, said = here.call("check config.yaml")
        alone = name.endswith(("study.json", "items.parquet", "run.json")) or name == MANIFEST
        assert status == (0 if alone else 1), (name, said)
        path.with_name("away").rename(path)
    assert here.call("check config.yaml") == (0, "no file is damaged\n")


TABLES = ("*.parquet", "tables/*", "figures/*", "cells/**/*.parquet", "features/**/*", "data/**/*")
DIFFERENT = ("costs", "time", "rollouts")
"""Tables of what a run took."""


def contents(study):
    paths = {path for form in TABLES for path in study.path(RESULTS).glob(form) if path.is_file()}
    return {
        path.relative_to(study.folder): path.read_bytes()
        for path in paths
        if path.stem not in (*DIFFERENT, "history") or "cells" not in path.parts
        if path.stem not in DIFFERENT
    }


@pytest.mark.slow
def test_what_was_damaged_is_made_again_and_nothing_else(here, chance):
    """Data, annotations, states, one cell, a table of the study and a figure at once."""
    before = contents(here)
    records = here.records()
    damaged = [
        f"{RESULTS}/annotations/geo/half-good/0.parquet",
        f"{RESULTS}/cells/geo/half-good/llama/sft/1/predictions.parquet",
        f"{RESULTS}/data/geo/items.parquet",
        f"{RESULTS}/features/geo/llama/states.safetensors",
        f"{RESULTS}/figures/training-curves.pdf",
        f"{RESULTS}/metrics.parquet",
    ]
    for name in damaged:
        path = here.path(name)
        path.write_bytes(chance.choice([flip, cut])(path.read_bytes(), chance))
    done = here.run("annobench", "check", "config.yaml", "--remove")
    assert done.returncode == 1, done.stderr
    *named, _, command = done.stdout.splitlines()
    assert [line.partition(": found ")[0] for line in named] == damaged
    removed = [f"{Path(name).parent}/run.json" if "/cells/" in name else name for name in damaged]
    assert [line.endswith("; removed") for line in named] == [one in removed for one in damaged]
    assert not any(here.path(name).exists() for name in removed)
    here.do("bash", "-c", command.replace("--cores all", "--cores 2"))

    changed = {path for path, made in records.items() if path.stat().st_mtime_ns != made}
    assert changed == {here.path(f"{RESULTS}/cells/geo/half-good/llama/sft/1/run.json")}
    after = contents(here)
    assert [name for name in before if before[name] != after.get(name)] == []
    assert here.planned() == []
    assert here.call("check config.yaml") == (0, "no file is damaged\n")
