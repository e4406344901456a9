"""A tiny random model, a study small enough to run in a test, and folders to run it in."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

STUDY = """\
study: tiny
seeds: [0, 1]
datasets:
  geo: {source: geonames, train: 16, test: 8}
models:
  llama: {source: "path:model", tune: {kind: top-layers, layers: 1}}
noise:
  half-good: {kind: expertise, ladder: half-good, annotators: 4, labels_per_item: 2}
  one-good: {kind: expertise, ladder: one-good, annotators: 4, labels_per_item: 2}
methods:
  zero-shot: {}
  sft: {}
  realm: {}
  clean: {}
training: {epochs: 1, items_per_batch: 8}
tables:
  results: {}
  comparisons: {}
figures:
  accuracy-by-noise: {}
  training-curves: {}
"""


@dataclass(frozen=True)
class Workspace:
    """A copy of the repository's workflow, with a study in config.yaml."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def package(self) -> Path:
        """This folder's own copy of annobench."""
        return self.folder / "src" / "annobench"

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the one place in a file that reads `old`."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path}: {old!r} found {text.count(old)} times"
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def popen(self, *command: str, **options) -> subprocess.Popen:
        """Start `snakemake ...` or `annobench ...` in this folder."""
        search = [str(Path(sys.executable).parent), os.environ["PATH"]]
        environment = {
            **os.environ,
            "PATH": os.pathsep.join(search),
            "PYTHONPATH": str(self.folder / "src"),
            **self.environment,
        }
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *command: str, **options) -> subprocess.CompletedProcess:
        """Run a command in this folder and wait for it."""
        process = self.popen(*command, **options)
        out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def finish(self) -> None:
        """Run the whole study."""
        done = self.run("snakemake", "--cores", "2")
        assert done.returncode == 0, done.stdout + done.stderr

    def jobs(self) -> list[str]:
        """What a dry-run would do: the command of every job, without the study's path, sorted."""
        done = self.run("snakemake", "--dry-run", "--printshellcmds", "--quiet", "host")
        assert done.returncode == 0, done.stdout + done.stderr
        return done
