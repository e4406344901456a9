"""What `annobench check --remove` removes, and what it leaves alone."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annobench import assets, layout, locks, sums
from annobench.cli import app
from annobench.files import write_json

STUDY = """\
study: small
datasets:
  geo: {train: 6, test: 3}
models:
  model: {source: "path:model"}
methods:
  zero-shot: {}
tables:
  results: {}
"""
MODEL = Path("model/model.safetensors")
MANIFEST = Path(layout.MODEL.format(asset=layout.asset("path:model")))
TABLE, SUMS = (
    Path(layout.TABLE.format(study="small", table="results", suffix=suffix))
    for suffix in ("csv", layout.SUMS)
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A study with a fetched model and a table, as the working folder; locks end with a test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locks, "_held", {})
    Path("my study.yaml").write_text(STUDY, encoding="utf-8")
    MODEL.parent.mkdir()
    MODEL.write_bytes(b"weights")
    MODEL.with_name("config.json").write_text("{}")
    assets.fetch_alone(assets.Source("path", "model"), None, MANIFEST)
    tables = [TABLE.with_suffix(f".{suffix}") for suffix in layout.TABLE_SUFFIXES]
    TABLE.parent.mkdir(parents=True)
    for path in tables:
        path.write_text(path.name)
    sums.write(SUMS, tables)


def check(*options):
    """An exit status, and what is printed."""
    done = CliRunner().invoke(app, ["check", "my study.yaml", *options])
    return done.exit_code, done.output


def test_a_model_of_the_users_is_left_alone_and_so_is_what_is_known_of_it():
    assert check() == (0, "no file is damaged\n")
    MODEL.write_bytes(b"broken")
    known = MANIFEST.read_bytes()
    for options in ([], ["--remove"]):
        status, said = check(*options)
        assert status == 1
        assert said == (
            f"{MODEL}: found another content than its checksum says; restore it yourself, or "
            "`annobench fetch STUDY path:model` accepts it as it is now\n"
        )
    assert MODEL.exists()
    assert MANIFEST.read_bytes() == known
    MODEL.write_bytes(b"weights")
    assert check() == (0, "no file is damaged\n")


def test_of_a_model_that_is_fetched_the_manifest_is_removed():
    source = "hub:a/b@c"
    study = Path("my study.yaml")
    study.write_text(study.read_text().replace("path:model", source))
    manifest = Path(layout.MODEL.format(asset=layout.asset(source)))
    model = manifest.with_suffix("") / "model.safetensors"
    found = {"source": source, "folder": str(model.parent), "files": {model.name: "0" * 64}}
    write_json(manifest, found)
    model.parent.mkdir()
    model.write_bytes(b"broken")
    status, said = check("--remove")
    assert status == 1
    assert said.splitlines()[0].endswith(f"checksum says; removed {manifest}")
    assert not manifest.exists()


def test_a_file_outside_the_study_is_never_removed():
    precious = Path("precious.txt").absolute()
    precious.write_text("precious")
    for name in (precious, "../../../precious.txt"):
        SUMS.write_text(f"{'0' * 64}  {name}\n")
        status, said = check("--remove")
        assert status == 1
        assert said.startswith(f"{SUMS}: found a checksum of {str(name)!r}, which does not lie")
        assert precious.exists()


def test_the_printed_commands_are_of_this_study():
    TABLE.write_text("damaged")
    status, said = check("--remove")
    assert status == 1
    assert not TABLE.exists()
    *_, command = said.splitlines()
    run = ["snakemake", "--cores", "all", "--configfile", "my study.yaml"]
    assert shlex.split(command) == [*run, "--", str(TABLE), "&&", *run]


def test_nothing_is_removed_while_the_study_runs():
    TABLE.write_text("not sealed yet")
    lock = layout.LOCK.format(study="small")
    code = "import sys; from pathlib import Path; from annobench import locks\n"
    code += f"locks.hold(Path({lock!r})); print('held', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as other:
        assert other.stdout.readline() == "held\n"
        status, said = check("--remove")
        assert status == 2
        assert "found a run that is still going on" in said
        assert TABLE.exists()
        assert check()[0] == 1  # to look is allowed
        other.stdin.close()
