"""A Slurm of one node, and a study of two cells that it can run in a minute."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STUDY = """\
study: tiny
seeds: [0]
datasets:
  geo: {source: geonames, train: 16, test: 8}
models:
  llama: {source: "path:model", tune: {kind: top-layers, layers: 1}}
noise:
  half-good: {kind: expertise, ladder: half-good, annotators: 4, labels_per_item: 2}
methods:
  sft: {}
  realm: {}
training: {epochs: 1, items_per_batch: 8, precision: fp32}
tables:
  results: {}
"""
SUBMIT = (
    *("snakemake", "--profile", "workflow/profiles/slurm"),
    # What only a Slurm without accounting, and a test in a hurry, need beside the profile.
    *("--slurm-no-account", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"),
)


@dataclass(frozen=True)
class Slurm:
    """A running Slurm; its clients find it by `environment`."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        paths = [str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": os.pathsep.join(paths)}

    def ask(self, *command: str) -> str:
        """What one of Slurm's clients prints."""
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def jobs(self, rule: str) -> dict[str, str]:
        """A rule's jobs, running, waiting or done: id -> state."""
        listed = self.ask("squeue", "--states=all", "--noheader", "--format=%A|%T|%k")
        rows = [line.split("|") for line in sorted(listed.splitlines())]
        return {job: state for job, state, comment in rows if f"rule_{rule}" in comment}

    def asked(self, job: str) -> dict[str, str]:
        """What is known of a job."""
        shown = self.ask("scontrol", "--oneliner", "show", "job", job)
        return dict(pair.split("=", 1) for pair in shown.split() if "=" in pair)

    def act(self, action: str) -> None:
        """One of the actions of slurm.sh."""
        subprocess.run([HERE / "slurm.sh", action, self.folder], check=True)


@pytest.fixture
def slurm():
    if not (shutil.which("slurmctld") or Path("/usr/sbin/slurmctld").exists()):
        pytest.skip("no Slurm here: apt-get install slurm-wlm munge")
    # Not pytest's own folder: the path of a socket is at most 107 characters long.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        found = Slurm(Path(folder))
        found.act("start")
        yield found
        found.act("stop")


@pytest.fixture(scope="session")
def locally(fresh, tmp_path_factory):
    """The study, run without Slurm; for reading only."""
    folder = shutil.copytree(fresh.folder, tmp_path_factory.mktemp("locally") / "study")
    (folder / "config.yaml").write_text(STUDY, encoding="utf-8")
    workspace = type(fresh)(folder)
    workspace.finish()
    return workspace


@pytest.fixture
def study(fresh, slurm, tmp_path):
    """The same study before its first run, in an environment that has Slurm."""
    folder = shutil.copytree(fresh.folder, tmp_path / "study")
    (folder / "config.yaml").write_text(STUDY, encoding="utf-8")
    return type(fresh)(folder, slurm.environment)


@pytest.fixture
def prepared(locally, slurm, tmp_path):
    """The study when no cell is trained yet, in an environment that has Slurm."""
    folder = shutil.copytree(locally.folder, tmp_path / "study")
    results = folder / "results" / "tiny"
    for path in [results / "report.html", *results.glob("*.parquet")]:
        path.unlink()
    for name in ("cells", "tables"):
        shutil.rmtree(results / name)
    return type(locally)(folder, slurm.environment)


@pytest.fixture(scope="session")
def submit():
    """The command that runs a study on the Slurm of a test."""
    return SUBMIT
