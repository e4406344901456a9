"""A workflow's jobs share one process, and nothing of it outlives the workflow."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from annobench import warm

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="abstract sockets and pidfds are Linux's"
)

SOURCE = Path(warm.__file__).parents[1]

STUDY = """\
study: tiny
datasets: {geo: {source: geonames, train: 4, test: 4}}
models: {m: {source: "path:model"}}
methods: {zero-shot: {}}
"""


@pytest.fixture
def workflow(tmp_path):
    """A process that stands for Snakemake's."""
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()
    until(lambda: not servers(process.pid))


@pytest.fixture
def start(workflow, tmp_path):
    """Starts a command of annobench as a job of the workflow."""

    def job(*command, **environment):
        own = {warm.WORKFLOW: str(workflow.pid)} | environment
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "annobench", *command],
            cwd=tmp_path,
            env=os.environ | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return job


@pytest.fixture
def stuck(start, workflow, tmp_path):
    """A job whose command has begun and does not end: client, server, child."""
    os.mkfifo(tmp_path / "never.yaml")
    client = start("validate", "never.yaml")
    (server,) = until(lambda: servers(workflow.pid))
    (child,) = until(lambda: children(server))
    end = os.open(tmp_path / "never.yaml", os.O_WRONLY)  # waits until the command reads
    yield client, server, child
    os.close(end)


def until(found, seconds=60):
    """Wait until `found()` is true; what it returned."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
    return result


def processes():
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def command_of(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except OSError:
        return []


def field(process, number):
    """A field of /proc/PID/stat behind the name: 0 is the state, 1 the parent."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[number]
    except OSError:
        return None


def lives(process):
    return field(process, 0) not in (None, "Z")


def servers(workflow):
    """Those that are not children of another."""
    server = ["-P", "-m", "annobench.warm", str(workflow)]
    named = [p for p in processes() if command_of(p)[1:5] == server]
    return [p for p in named if lives(p) and int(field(p, 1) or 0) not in named]


def children(server):
    return [p for p in processes() if field(p, 1) == str(server) and lives(p)]


def test_a_job_prints_and_ends_as_by_hand(start, tmp_path):
    commands = (
        ["validate", "study.yaml"],
        ["validate", "absent.yaml"],
        ["no-such-command"],
        ["prepare", "study.yaml", "geo"],
    )
    clock = re.compile(r"^\d\d:\d\d:\d\d ", re.M)
    for command in commands:
        by_hand = start(*command, **{warm.WORKFLOW: ""})
        out, err = by_hand.communicate()
        job = start(*command)
        found_out, found_err = job.communicate()
        assert (job.returncode, found_out) == (by_hand.returncode, out)
        assert clock.sub("", found_err) == clock.sub("", err)
    assert (tmp_path / ".snakemake/log").exists()  # the server's own words lie there


def test_one_server_takes_the_jobs_that_begin_together(start, workflow):
    jobs = [start("validate", "study.yaml") for _ in range(8)]
    assert {job.wait() for job in jobs} == {0}
    assert len(servers(workflow.pid)) == 1


def test_what_one_job_imported_the_next_one_has(start, workflow):
    import_pandas = ("users", "absent.csv")
    assert start(*import_pandas).wait() == 2
    (server,) = servers(workflow.pid)
    mapped = Path(f"/proc/{server}/maps")
    until(lambda: "/pandas/" in mapped.read_text())
    assert start(*import_pandas).wait() == 2


def test_while_a_model_is_fetched_the_server_imports_what_a_training_needs(start, workflow):
    assert start("fetch", "study.yaml", "path:model").wait() == 2  # there is none
    (server,) = servers(workflow.pid)
    mapped = Path(f"/proc/{server}/maps")
    until(lambda: "/torch/" in mapped.read_text())
    assert start("validate", "study.yaml").wait() == 0


def test_the_environment_is_the_jobs_own(start):
    assert start("validate", "study.yaml").wait() == 0
    wide, narrow = start("--help", COLUMNS="200"), start("--help", COLUMNS="60")
    assert max(map(len, wide.communicate()[0].splitlines())) == 200
    assert max(map(len, narrow.communicate()[0].splitlines())) == 60


def test_all_ends_with_the_workflow(stuck, workflow):
    client, server, child = stuck
    workflow.kill()
    workflow.wait()
    until(lambda: not lives(server) and not lives(child))
    assert client.wait() != 0
    assert "the warm process died" in client.stderr.read()


def test_a_child_ends_with_its_client_and_the_server_goes_on(stuck, start, workflow):
    client, server, child = stuck
    client.kill()
    client.wait()
    until(lambda: not lives(child))
    assert start("validate", "study.yaml").wait() == 0
    assert servers(workflow.pid) == [server]


def test_a_killed_child_fails_its_job_only(stuck, start, workflow):
    client, server, child = stuck
    os.kill(child, signal.SIGKILL)
    assert client.wait() == 128 + signal.SIGKILL
    assert start("validate", "study.yaml").wait() == 0
    assert servers(workflow.pid) == [server]


def test_a_killed_server_takes_its_children_along_and_the_next_job_starts_another(
    stuck, start, workflow
):
    client, server, child = stuck
    os.kill(server, signal.SIGKILL)
    assert client.wait() == 75
    until(lambda: not lives(child))
    assert start("validate", "study.yaml").wait() == 0
    assert servers(workflow.pid) not in ([], [server])


def test_without_a_living_workflow_a_command_runs_by_itself(start, workflow):
    workflow.kill()
    workflow.wait()
    assert start("validate", "study.yaml").wait() == 0
    assert not servers(workflow.pid)


def test_where_no_server_can_be_had_a_command_runs_by_itself(start, workflow, tmp_path):
    """As in a container whose kernel refuses pidfds."""
    refused = "import os\ndef refuse(pid): raise OSError(38, 'no')\nos.pidfd_open = refuse\n"
    (tmp_path / "sitecustomize.py").write_text(refused, encoding="utf-8")
    job = start("validate", "study.yaml", PYTHONPATH=f"{tmp_path}:{SOURCE}")
    out, err = job.communicate(timeout=60)
    assert job.returncode == 0, err
    assert "cells" in out
    assert "no warm process to be had" in err


def test_clients_that_go_at_once_and_requests_that_cannot_be_read_harm_nobody(start, workflow):
    assert start("validate", "study.yaml").wait() == 0
    (server,) = servers(workflow.pid)
    descriptors = Path(f"/proc/{server}/fd")
    before = len(list(descriptors.iterdir()))
    address = warm._address(str(workflow.pid))
    request = {"argv": ["--help"], "cwd": "/", "environment": dict(os.environ), "begun": 0.0}
    for _ in range(50):
        with socket.socket(socket.AF_UNIX) as client, Path(os.devnull).open("wb") as nowhere:
            client.connect(address)
            warm._send(client, request, [nowhere.fileno(), nowhere.fileno()])
        with socket.socket(socket.AF_UNIX) as client, Path(os.devnull).open("wb") as nowhere:
            client.connect(address)
            socket.send_fds(client, [b"nonsense"[:4]], [nowhere.fileno(), nowhere.fileno()])
    until(lambda: len(list(descriptors.iterdir())) <= before and not children(server))
    assert start("validate", "study.yaml").wait() == 0
    assert servers(workflow.pid) == [server]


def test_an_edited_source_is_run_as_it_is_now(start, tmp_path):
    shutil.copytree(SOURCE / "annobench", tmp_path / "src/annobench")
    own = {"PYTHONPATH": str(tmp_path / "src")}
    assert "Another line" not in start("--help", **own).communicate()[0]
    cli = tmp_path / "src/annobench/cli.py"
    text = cli.read_text(encoding="utf-8").replace("The command line", "Another line", 1)
    cli.write_text(text, encoding="utf-8")
    assert "Another line" in start("--help", **own).communicate()[0]
