"""Slurm's time limit. Slurm looks at it twice a minute: this runs beside the other file's tests."""

import os
import signal
import time
from pathlib import Path

import pytest

CELL = "geo/half-good/llama/realm/0"
FOLDER = f"results/tiny/cells/{CELL}"
CHECKPOINT = f"results/tiny/checkpoints/{CELL}.safetensors"


def training():
    """The process ids of trainings on this machine whose folder is this test's."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
            folder = os.readlink(path.with_name("cwd"))
        except OSError:
            continue
        if "train" in words and CELL in words and Path(words[0]).name.startswith("python"):
            yield int(path.parent.name), folder


@pytest.mark.slow
def test_a_training_that_slurm_ended_continues_and_asks_for_more(slurm, prepared, submit):
    prepared.edit("config.yaml", "epochs: 1", "epochs: 100")
    rule = "workflow/rules/train.smk"
    prepared.edit(rule, "{cell_name} 2>", "{cell_name} --checkpoint-seconds 0 2>")
    process = prepared.start(*submit, "--", f"{FOLDER}/run.json")
    while not prepared.path(CHECKPOINT).exists():
        assert process.poll() is None
        time.sleep(0.02)
    # It hangs. Two hours are a lot to wait, so the limit becomes the smallest that Slurm knows.
    start = time.monotonic()
    stopped = [pid for pid, folder in training() if folder == str(prepared.folder)]
    assert stopped
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    (job,) = slurm.jobs("train")
    first = slurm.asked(job)
    slurm.ask("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    out, err = process.communicate()
    assert process.returncode == 0, out + err

    states = slurm.jobs("train")
    assert list(states.values()) == ["TIMEOUT", "COMPLETED"]
    second = slurm.asked(max(states, key=int))
    assert [asked["TimeLimit"] for asked in (first, second)] == ["02:00:00", "04:00:00"]
    memory = [int(asked["MinMemoryNode"].removesuffix("M")) for asked in (first, second)]
    assert memory[1] == 2 * memory[0]
    log = prepared.path(f"results/tiny/logs/train/{CELL}.log").read_text(encoding="utf-8")
    assert "continue from the checkpoint" in log
    names = ("targets", "predictions", "annotators")
    found = [prepared.path(f"{FOLDER}/{name}.parquet").read_bytes() for name in names]
    prepared.do("annobench", "train", "config.yaml", CELL)
    assert [prepared.path(f"{FOLDER}/{name}.parquet").read_bytes() for name in names] == found
    print(f"ended by Slurm and finished on retry in {time.monotonic() - start:.0f} s")
