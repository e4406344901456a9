"""The power fails: what was not flushed is lost, and a name may come before its file."""

import os
import re
import shutil
import stat
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from annobench import files, sums, tables, tensors
from annobench.reporting import formats, style
from annobench.training import checkpoint

CELL = "geo/half-good/llama/realm/0"


class Disk:
    """What survives a power cut, at each moment between two calls of the system: of a file what was
    flushed of it, and of a folder the names at its last flush or, as the system is free to write
    more than it is told to, those of now."""

    def __init__(self, monkeypatch, path):
        self.path = path
        self.contents: dict[int, bytes] = {}
        self.names: dict[int, dict[str, int]] = {}
        self.survivors: set[bytes | None] = set()
        for name in ("fsync", "replace", "rename", "unlink"):
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name, call):
        def watched(*args, **kwargs):
            self.cut()
            result = call(*args, **kwargs)
            if name == "fsync":
                self._flushed(args[0])
            self.cut()
            return result

        return watched

    def _flushed(self, descriptor):
        about = os.fstat(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}")
        if stat.S_ISDIR(about.st_mode):
            self.names[about.st_ino] = {each.name: each.inode() for each in os.scandir(path)}
        else:
            self.contents[about.st_ino] = path.read_bytes()

    def cut(self):
        """Note what may be found under the path's name."""
        folder = self.path.parent
        if not folder.exists():
            return
        now = {each.name: each.inode() for each in os.scandir(folder)}
        for names in (now, self.names.get(folder.stat().st_ino, {})):
            inode = names.get(self.path.name)
            self.survivors.add(None if inode is None else self.contents.get(inode, b"lost"))


def a_table(path, n):
    frame = pd.DataFrame({"item": ["a"] * n, "label": 0, "annotator": "x"})
    tables.write(path, frame, tables.ANNOTATIONS)


def a_checkpoint(path, n):
    checkpoint.save(path, checkpoint.Snapshot({"x": torch.zeros(n)}, [], 1), "recipe")


def a_figure(path, n):
    from matplotlib.figure import Figure

    style.save(path, Figure(figsize=(n, 1)))


def checksums(path, n):
    other = path.with_suffix(".txt")
    path.parent.mkdir(exist_ok=True)
    other.write_text("x" * n)
    sums.write(path, [other])


WRITERS = {
    "table.parquet": a_table,
    "states.safetensors": lambda path, n: tensors.write(path, {"x": torch.zeros(n)}),
    "checkpoint.safetensors": a_checkpoint,
    "run.json": lambda path, n: files.write_json(path, {"n": n}),
    "results.sha256": checksums,
    "figure.png": a_figure,
    **{
        f"table.{suffix}": lambda path, n, write=write: write(path, pd.DataFrame({"a": [n]}))
        for suffix, write in formats.WRITERS.items()
    },
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_the_old_one_or_the_new_one(tmp_path, monkeypatch, name):
    path = tmp_path / "folder" / name
    disk = Disk(monkeypatch, path)
    WRITERS[name](path, 3)
    first = path.read_bytes()
    assert disk.survivors == {None, first}
    disk.survivors.clear()
    WRITERS[name](path, 5)
    second = path.read_bytes()
    assert first != second
    assert disk.survivors == {first, second}
    disk.survivors.clear()
    disk.cut()
    assert disk.survivors == {second}


def test_a_writer_that_does_not_flush_is_found_out(tmp_path, monkeypatch):
    path = tmp_path / "file"
    disk = Disk(monkeypatch, path)
    (tmp_path / "scratch").write_bytes(b"new")
    os.replace(tmp_path / "scratch", path)
    assert disk.survivors == {None, b"lost"}


def test_a_folder_gets_its_name_when_all_in_it_is_flushed(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    disks = [Disk(monkeypatch, folder / name) for name in ("a", "b")]
    with files.replacing_folder(folder) as building:
        for name in "ab":
            (building / name).write_text(name)
    for disk, content in zip(disks, (b"a", b"b"), strict=True):
        assert disk.survivors <= {None, content}
        disk.survivors.clear()
        disk.cut()
        assert disk.survivors == {content}


STAGES = [
    "fetch {study} path:model",
    "prepare {study} geo",
    "annotate {study} geo half-good 0",
    "encode {study} geo llama",
    "view {study} geo llama base",
    f"train {{study}} {CELL} --checkpoint-seconds 0",
    "gather {study} geo llama",
    "evaluate {study}",
    f"export {{study}} {CELL}",
    "table {study} results",
    "figure {study} training-curves",
]
ONE_AFTER_ANOTHER = """
import sys
from annobench.cli import app
for command in sys.argv[1:]:
    app(command.split(), standalone_mode=False)
"""
CALLS = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not there")
def test_every_stage_flushes_before_it_renames(done_study):
    """As the system sees it: no file gets its name with something unflushed in it."""
    text = done_study.path("config.yaml").read_text(encoding="utf-8")
    done_study.path("study.yaml").write_text(f"{text}export: [realm]\n", encoding="utf-8")
    trace = done_study.path("trace")
    commands = [stage.format(study="study.yaml") for stage in STAGES]
    watched = ("strace", "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", str(trace))
    done_study.do(*watched, sys.executable, "-c", ONE_AFTER_ANOTHER, *commands)

    unflushed, renamed = set(), []
    for line in trace.read_text(errors="replace").splitlines():
        call = re.match(r"\d+ +(\w+)\((.*)\) += \d", line)
        if call is None:
            continue
        name, given = call.groups()
        if name.startswith("rename"):
            source, target = (str(done_study.path(p)) for p in re.findall(r'"([^"]*)"', given))
            moved = {path for path in unflushed if path == source or path.startswith(f"{source}/")}
            unflushed -= moved
            if "/.making." in target:  # a library's own way of writing a file
                unflushed |= {target + path.removeprefix(source) for path in moved}
            else:
                assert not moved, line
                renamed.append(target)
        elif path := re.match(r"\d+<(/[^>]*)>", given):
            getattr(unflushed, "add" if "write" in name else "discard")(path[1])
    places = ("assets/models", "data", "annotations", "features", "views", "checkpoints", "cells")
    for place in (*places, "metrics.parquet", "models", "tables", "figures"):
        assert any(place in target for target in renamed), place
