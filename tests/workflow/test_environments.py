"""The lock, the conda environment and pyproject agree; the workflow's files are clean."""

import re
import subprocess
import sys
import tomllib
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "envs" / "requirements.lock").read_text(encoding="utf-8").splitlines()
CONDA = yaml.safe_load((ROOT / "envs" / "annobench.yaml").read_text(encoding="utf-8"))
POST_DEPLOY = (ROOT / "envs" / "annobench.post-deploy.sh").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = [line for line in LOCK if line and not line.startswith("#")]
WANTED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


def test_the_lock_pins_exact_public_versions_in_order():
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in PINS)
    names = [canonicalize_name(pin.partition("==")[0]) for pin in PINS]
    assert len(set(names)) == len(names)
    assert [pin.lower() for pin in PINS] == sorted(pin.lower() for pin in PINS)
    assert "annobench" not in names


@pytest.mark.parametrize("wanted", WANTED)
def test_the_lock_satisfies_what_the_project_asks_for(wanted):
    requirement = Requirement(wanted)
    pins = dict(pin.split("==") for pin in PINS)
    versions = {canonicalize_name(name): pin for name, pin in pins.items()}
    assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


def test_the_conda_environment_has_the_same_pins():
    python, pip = CONDA["dependencies"]
    assert pip.replace("=", "==") in PINS
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(
        python.removeprefix("python=")
    )
    assert "nodefaults" in CONDA["channels"]
    assert "--requirement envs/requirements.lock" in POST_DEPLOY
    lock = sha256((ROOT / "envs" / "requirements.lock").read_bytes()).hexdigest()
    text = (ROOT / "envs" / "annobench.yaml").read_text(encoding="utf-8")
    assert lock in text, "envs/annobench.yaml: write the lock's new SHA-256 into it"


def test_every_rule_names_that_environment():
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        text = path.read_text(encoding="utf-8")
        rules = len(re.findall(r"^\s*rule\b.*:$", text, re.M))
        assert text.count('"../../envs/annobench.yaml"') == rules


def test_the_snakemake_that_runs_is_new_enough():
    wanted = next(entry for entry in WANTED if entry.startswith("snakemake"))
    assert Requirement(wanted).specifier.contains(version("snakemake"))


def test_the_default_profile_is_picked_up(new_study):
    """Snakemake looks for it in profiles/, beside the Snakefile."""
    assert (ROOT / "profiles" / "default" / "config.yaml").is_file()
    printed = new_study.do("snakemake", "--dry-run")
    assert "Using workflow specific profile profiles/default" in printed


def test_the_workflow_is_formatted():
    command = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_workflow_is_free_of_lint(new_study):
    assert "Congratulations" in new_study.do("snakemake", "--lint")
