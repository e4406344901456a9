"""A study on a live Slurm of one node, with the profile of this repository."""

import os
import signal
import time

import pytest

from annobench.layout import RESULTS, STUDY_TABLES, TIMES
from annobench.reporting import times

REALM = "geo/half-good/llama/realm/0"
OF_TIMES = {"costs", "time"}


def wait_for(found, process, seconds=240):
    """Wait until `found()` is true, while the process goes on."""
    end = time.monotonic() + seconds
    while not found():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def ended(process):
    """Wait for a run that has to succeed; what it printed."""
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return out + err


def made(workspace):
    """The study's tables, of cells, of the study and of the report, but those of times."""
    results = workspace.path(RESULTS.format(study="tiny"))
    tables = [results / f"{name}.parquet" for name in STUDY_TABLES if name not in OF_TIMES]
    patterns = ("cells/**/predictions.parquet", "cells/**/annotators.parquet", "tables/*")
    paths = [*tables, *(path for pattern in patterns for path in results.glob(pattern))]
    return {str(path.relative_to(results)): path.read_bytes() for path in paths}


def test_a_study_through_sbatch_is_the_local_study_bit_for_bit(slurm, study, submit, locally):
    start = time.monotonic()
    ended(study.start(*submit))
    seconds = time.monotonic() - start
    expected = made(locally)
    assert made(study) == expected
    rules = {rule: slurm.jobs(rule) for rule in ("fetch", "annotate", "encode", "train", "table")}
    assert [len(jobs) for jobs in rules.values()] == [1, 1, 1, 2, 1]
    for rule, jobs in rules.items():
        for job in jobs:
            known = slurm.asked(job)
            assert known["JobState"] == "COMPLETED"
            on_gpu = rule in ("encode", "train")
            assert known["Partition"] == ("gpu" if on_gpu else "cpu")
            assert ("gres:gpu:1" in known.get("TresPerJob", "")) == on_gpu
    print(
        f"{sum(map(len, rules.values())) + 2} jobs in {seconds:.0f} s, {len(expected)} files equal"
    )


@pytest.mark.slow
def test_cells_that_share_a_slurm_job_share_a_warm_process(slurm, prepared, submit, locally):
    group = ("--groups", "train=tiny", "--group-components", "tiny=2", "--cores", "1")
    one_gpu = ("--set-resource-scopes", "gpu=local", "--resources", "gpu=1")
    logs = prepared.path(".snakemake/log")
    servers = set(logs.glob("warm-*.log"))
    begun = len(times.read(prepared.path(TIMES.format(study="tiny"))))
    ended(prepared.start(*submit, *group, *one_gpu))
    (job,) = slurm.jobs("tiny_train")
    known = slurm.asked(job)
    assert "gres:gpu:1" in known["TresPerJob"]
    assert known["NumCPUs"] == "1"
    assert known["TimeLimit"] == "04:00:00"  # two cells of two hours, one after the other
    assert made(prepared) == made(locally)
    lines = times.read(prepared.path(TIMES.format(study="tiny")))[begun:]
    trained = [line for line in lines if line.get("command", [""])[0] == "train"]
    first, second = (line["phases"] for line in trained)
    assert len(set(logs.glob("warm-*.log")) - servers) == 1
    print(f"loading the model took {first['loading']:.2f} s, then {second['loading']:.3f} s")


@pytest.mark.slow
def test_a_lost_node_that_comes_back_changes_nothing(slurm, prepared, submit, locally):
    process = prepared.start(*submit)
    wait_for(lambda: "RUNNING" in slurm.jobs("train").values(), process)
    slurm.act("lose")
    start = time.monotonic()
    wait_for(lambda: set(slurm.jobs("train").values()) <= {"PENDING", "COMPLETED"}, process)
    noticed = time.monotonic() - start
    slurm.act("return")
    for job, state in slurm.jobs("train").items():
        if (
            state == "PENDING"
        ):  # Slurm gives a node's requeued jobs two minutes; ten seconds will do
            slurm.ask("scontrol", "update", f"JobId={job}", "StartTime=now+10")
    printed = ended(process)
    assert "Trying to restart" not in printed
    assert len(slurm.jobs("train")) == 2
    assert any(int(slurm.asked(job)["Restarts"]) > 0 for job in slurm.jobs("train"))
    assert made(prepared) == made(locally)
    print(f"noticed after {noticed:.0f} s, done {time.monotonic() - start:.0f} s after the loss")


@pytest.mark.slow
def test_a_killed_submitter_finds_what_is_finished(slurm, prepared, submit, locally):
    # Two GPUs each: one trains, the other waits, and is held to wait until the submitter is gone.
    two = ("--set-resources", "train:gpu=2")
    process = prepared.start(*submit, *two, start_new_session=True)
    wait_for(lambda: sorted(slurm.jobs("train").values()) == ["PENDING", "RUNNING"], process)
    (waiting,) = (job for job, state in slurm.jobs("train").items() if state == "PENDING")
    slurm.ask("scontrol", "hold", waiting)
    wait_for(lambda: "COMPLETED" in slurm.jobs("train").values(), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    finished = prepared.records()
    assert len(finished) == 1
    assert slurm.jobs("train")[waiting] == "PENDING"

    ended(prepared.start(*submit))
    assert slurm.jobs("train")[waiting] == "CANCELLED"
    assert finished.items() <= prepared.records().items()
    assert len(slurm.jobs("train")) == 3
    assert made(prepared) == made(locally)
    print("1 finished cell found, 1 job of the killed run cancelled, 1 cell made")
