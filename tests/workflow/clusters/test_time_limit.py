"""Slurm's time limit. Limits are whole minutes: in a file of its own, this runs beside the others."""

import os
import re
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
def test_a_training_that_slurm_ended_continues_and_asks_for_more(slurm, study, submit):
    study.edit("config.yaml", "epochs: 1", "epochs: 100")
    rule = "workflow/rules/train.smk"
    study.edit(rule, "{params.cell} 2>", "{params.cell} --checkpoint-seconds 0 2>")
    study.edit(rule, "minutes(120)", "minutes(1)")
    target = f"{FOLDER}/run.json"
    process = submit("--", target)
    checkpoint = study.path(CHECKPOINT)
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.02)
    # A training that hangs: no time limit would end a quick one.
    start = time.monotonic()
    stopped = [pid for pid, folder in training() if folder == str(study.folder)]
    assert stopped
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    out, err = process.communicate()
    assert process.returncode == 0, out + err

    assert list(slurm.jobs("train").values()) == ["TIMEOUT", "COMPLETED"]
    first, second = (slurm.asked(job) for job in slurm.jobs("train"))
    assert (first["TimeLimit"], second["TimeLimit"]) == ("00:01:00", "00:02:00")
    assert re.fullmatch(r"\d+M", first["MinMemoryNode"])
    memory = [int(asked["MinMemoryNode"].removesuffix("M")) for asked in (first, second)]
    assert memory[1] == 2 * memory[0]
    log = study.path(f"results/tiny/logs/train/{CELL}.log").read_text(encoding="utf-8")
    assert "continue from the checkpoint" in log
    names = ("targets", "predictions", "annotators")
    found = [study.path(f"{FOLDER}/{name}.parquet").read_bytes() for name in names]
    study.do("annobench", "train", "config.yaml", CELL)
    assert [study.path(f"{FOLDER}/{name}.parquet").read_bytes() for name in names] == found
    print(f"ended by Slurm and finished on retry in {time.monotonic() - start:.0f} s")
