"""A tiny random model, a study small enough to run in a test, and folders to run it in."""

import compileall
import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from annobench import layout
from annobench.cli import app

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
training: {epochs: 1, items_per_batch: 8, precision: fp32}
tables:
  results: {}
  comparisons: {}
figures:
  accuracy-by-noise: {}
  training-curves: {}
"""

CELLS = [
    "geo/_/llama/clean/0",
    "geo/_/llama/clean/1",
    "geo/_/llama/zero-shot/_",
    *[
        f"geo/{noise}/llama/{method}/{seed}"
        for noise in ("half-good", "one-good")
        for method in ("realm", "sft")
        for seed in (0, 1)
    ],
]


@dataclass(frozen=True)
class Workspace:
    """A copy of the repository's workflow and package, with a study in config.yaml."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        return self.folder / name

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which a file holds exactly once."""
        text = self.path(name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name}: {old!r} found {text.count(old)} times"
        self.path(name).write_text(text.replace(old, new), encoding="utf-8")

    def start(self, *command: str, **options) -> subprocess.Popen:
        """Start a command in this folder, with this folder's annobench."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        own = {"PATH": path, "PYTHONPATH": str(self.path("src")), "OMP_NUM_THREADS": "1"}
        usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = os.environ | own | self.environment
        return subprocess.Popen(command, cwd=self.folder, env=environment, **usual | options)

    def run(self, *command: str, **options) -> subprocess.CompletedProcess:
        """Run a command in this folder to its end."""
        process = self.start(*command, **options)
        out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def do(self, *command: str) -> str:
        """Run a command that has to succeed; what it printed."""
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def call(self, command: str) -> tuple[int, str]:
        """Run a command of annobench in this process, which has imported what takes seconds: its
        exit status and what it printed."""
        with contextlib.chdir(self.folder):
            result = CliRunner().invoke(app, command.split())
        assert isinstance(result.exception, SystemExit | None), result.output
        return result.exit_code, result.output

    @staticmethod
    @contextlib.contextmanager
    def full_disk(size: int = 500) -> Iterator[None]:
        """No file that this process or a child of it writes can grow above `size` bytes.

        Nor does this process write bytecode, of which Python would leave half a file.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", True)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def refuses_a_full_disk(self, command: str, file: str) -> None:
        """A command says in one sentence that it cannot write the file, and leaves none."""
        path = self.path(file)
        path.unlink(missing_ok=True)
        with self.full_disk():
            status, said = self.call(command)
        assert status == 2
        errors = [line for line in said.splitlines() if line.startswith("annobench: error: ")]
        assert len(errors) == 1
        assert errors[0].startswith(f"annobench: error: {file}: cannot be written: ")
        assert "File too large" in errors[0]
        assert "Traceback" not in said
        assert not path.exists()
        assert not list(path.parent.glob(".making.*"))

    def finish(self) -> None:
        """Run the whole study."""
        self.do("snakemake", "--cores", "2")

    def tables(self) -> dict[str, bytes]:
        """Every table and figure of the study, but for what tells how long a run took."""
        results = self.path("results/tiny")
        forms = ("*.parquet", "tables/*", "figures/*")
        paths = [path for form in forms for path in results.glob(form)]
        took = {"costs", "time", "rollouts"}
        return {path.name: path.read_bytes() for path in paths if path.stem not in took}

    def records(self) -> dict[Path, int]:
        """The run.json of each finished cell, none of a scratch folder, and when it was written."""
        paths = self.folder.glob(re.sub(r"{.*?}", "*", layout.RECORD))
        return {path: path.stat().st_mtime_ns for path in paths}

    def planned(self) -> list[str]:
        """The jobs that a dry-run plans, sorted, as their commands without the study's file."""
        printed = self.do("snakemake", "--dry-run", "--printshellcmds", "--quiet", "host")
        jobs = re.findall(r"^Shell command: (?:annobench )?(.*?)(?: 2?> .*)?$", printed, re.M)
        if not jobs:
            assert "Nothing to be done" in printed, printed
        told = r" results/tiny/study\.json| --processes \d"
        plain = [re.sub(told, "", job) for job in jobs if job != "None"]
        return sorted("report" if "--report" in job else job for job in plain)


def copy_sources(folder: Path) -> None:
    """What a clone of the repository brings."""
    shutil.copy(REPOSITORY / "Snakefile", folder)
    for name in ("workflow", "profiles", "envs", "src"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A random Llama and a small byte-level tokenizer, as transformers saves them."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words.train_from_iterator(["Question: In which country is the city of X?\nAnswer:"], trainer)
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def fresh(model, tmp_path_factory) -> Workspace:
    """The tiny study before its first run; for reading only."""
    workspace = Workspace(tmp_path_factory.mktemp("fresh"))
    copy_sources(workspace.folder)
    shutil.copytree(model, workspace.path("model"))
    workspace.path("config.yaml").write_text(STUDY, encoding="utf-8")
    compileall.compile_dir(workspace.path("src"), quiet=1)
    return workspace


@pytest.fixture(scope="session")
def finished(fresh, tmp_path_factory, worker_id) -> Workspace:
    """The tiny study after its first run, one for all processes of the tests; for reading only."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    workspace = Workspace(folder / "study")
    with FileLock(f"{folder}.lock"):
        if not workspace.path("results/tiny/report.html").exists():
            shutil.copytree(fresh.folder, workspace.folder, dirs_exist_ok=True)
            workspace.finish()
    return workspace


@pytest.fixture
def new_study(fresh, tmp_path) -> Workspace:
    """A copy of the study before its first run."""
    return Workspace(shutil.copytree(fresh.folder, tmp_path / "study"))


@pytest.fixture
def done_study(finished, tmp_path) -> Workspace:
    """A copy of the finished study, times of files included."""
    return Workspace(shutil.copytree(finished.folder, tmp_path / "study"))


@pytest.fixture(scope="session")
def wait_for():
    """Wait until `found()` is true; what it returned."""

    def wait(found, seconds=300):
        end = time.monotonic() + seconds
        while not (result := found()):
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.005)
        return result

    return wait


@pytest.fixture(scope="session")
def all_cells() -> list[str]:
    return CELLS
