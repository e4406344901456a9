"""Every profile plans the same study and explains its entries; its scripts speak to the cluster's
own commands (stand-ins here: there is no PBS and no Kubernetes)."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
PROFILES = ROOT / "workflow" / "profiles"
CLUSTERS = ["cluster-generic", "kubernetes", "slurm"]


def test_all_profiles_are_known_here():
    assert sorted(path.name for path in PROFILES.iterdir()) == sorted([*CLUSTERS, "default"])


@pytest.mark.parametrize("name", [*CLUSTERS, "default"])
def test_every_entry_is_explained(name):
    lines = (PROFILES / name / "config.yaml").read_text(encoding="utf-8").splitlines()
    assert len(yaml.safe_load("\n".join(lines))) > 5
    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"[a-z]", line):
            assert before.startswith("# "), f"{name}: nothing is said of {line}"


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_dry_run_plans_the_jobs_of_a_local_run(fresh, name):
    dry = ("--dry-run", "--quiet", "host")
    local = fresh.do("snakemake", *dry)
    planned = fresh.do("snakemake", "--profile", f"workflow/profiles/{name}", *dry)
    counts = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)
    assert dict(counts.findall(planned)) == dict(counts.findall(local))
    assert dict(counts.findall(planned))["train"] == "11"


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_rules_that_get_a_gpu_exist(name):
    profile = yaml.safe_load((PROFILES / name / "config.yaml").read_text(encoding="utf-8"))
    rules = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("workflow/rules/*.smk"))
    for rule in profile["set-resources"]:
        assert f"\nrule {rule}:\n" in rules


def test_the_lock_of_the_executors_satisfies_the_extras():
    text = (ROOT / "envs" / "clusters.lock").read_text(encoding="utf-8")
    pins = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in ("slurm", "cluster-generic"):
        for wanted in map(Requirement, project["optional-dependencies"][extra]):
            assert wanted.specifier.contains(pins[wanted.name])
    assert not any(f"{name}==" in (ROOT / "envs/requirements.lock").read_text() for name in pins)


def run(folder, program, answer, *command):
    """A profile's script, where `program` is one that keeps what it is given and answers."""
    stand_in = folder / program
    stand_in.write_text(f'#!/bin/sh\necho "$@" > asked\ncat > given\n{answer}\n')
    stand_in.chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("echo '    job_state = R'", "running"),
        ("echo '    job_state = Q'", "running"),
        ("echo '    job_state = F'; echo '    Exit_status = 0'", "success"),
        ("echo '    job_state = F'; echo '    Exit_status = 271'", "failed"),
        ("echo '    job_state = F'", "failed"),
        ("echo 'qstat: cannot connect to server' >&2; exit 1", "running"),
        ("echo 'qstat: Unknown Job Id 12.host' >&2; exit 153", "failed"),  # ended, no history
    ],
)
def test_the_status_of_a_job_of_pbs(tmp_path, answer, status):
    script = PROFILES / "cluster-generic" / "status.sh"
    assert run(tmp_path, "qstat", answer, script, "12.host") == status
    assert (tmp_path / "asked").read_text() == "-x -f 12.host\n"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("printf 'annobench-x '", "running"),
        ("printf 'annobench-x SuccessCriteriaMet Complete'", "success"),
        ("printf 'annobench-x Failed'", "failed"),
        ("exit 0", "failed"),
        ("exit 1", "running"),
    ],
)
def test_the_status_of_a_job_of_kubernetes(tmp_path, answer, status):
    script = PROFILES / "kubernetes" / "kubernetes.sh"
    assert run(tmp_path, "kubectl", answer, script, "status", "annobench-x") == status


def test_what_kubernetes_is_asked_to_run(tmp_path):
    script = PROFILES / "kubernetes" / "kubernetes.sh"
    asked = ("submit", "2", "3000", "120", "1", "/study/.snakemake/tmp.x/snakejob.train.3.sh")
    assert run(tmp_path, "kubectl", "echo annobench-x", script, *asked) == "annobench-x"
    job = yaml.safe_load((tmp_path / "given").read_text())
    assert "activeDeadlineSeconds" not in job["spec"]  # it would count the wait for a GPU
    pod = job["spec"]["template"]["spec"]
    assert pod["activeDeadlineSeconds"] == 7200
    container = pod["containers"][0]
    assert container["command"] == ["/bin/sh", "/study/.snakemake/tmp.x/snakejob.train.3.sh"]
    assert container["workingDir"] == str(tmp_path)
    assert container["resources"]["requests"] == {"cpu": 2, "memory": "3000M"}
    assert container["resources"]["limits"] == {"memory": "3000M", "nvidia.com/gpu": 1}
    assert container["volumeMounts"] == [{"name": "study", "mountPath": str(tmp_path)}]


@pytest.mark.parametrize("name", ["a & b | c, d #e", "VOLUME FOLDER", 'it\'s "$seconds" \\1'])
def test_a_folder_may_have_any_name_on_kubernetes(tmp_path, name):
    script = PROFILES / "kubernetes" / "kubernetes.sh"
    folder = tmp_path / name
    folder.mkdir()
    run(folder, "kubectl", "echo annobench-x", script, "submit", "2", "9", "1", "0", f"{folder}/s")
    job = yaml.safe_load((folder / "given").read_text())
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["/bin/sh", f"{folder}/s"]
    assert container["workingDir"] == str(folder)
    assert container["volumeMounts"][0]["mountPath"] == str(folder)
