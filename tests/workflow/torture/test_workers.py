"""A job that the kernel kills, say for want of memory, and a clock that goes backwards."""

import os
import re
import shutil
import time

import pytest

KILLED = '''

def targets(given, settings):
    """End as by the kernel's OOM killer."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
'''


def test_a_job_killed_twice_is_named_and_the_others_go_on(done_study):
    method = done_study.path("src/annobench/methods/clean.py")
    method.write_text(method.read_text(encoding="utf-8") + KILLED, encoding="utf-8")
    other = done_study.path("results/tiny/cells/geo/half-good/llama/sft/0/run.json")
    other.unlink()
    done = done_study.run("snakemake", "--cores", "2")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for seed in (0, 1):
        cell = f"geo/_/llama/clean/{seed}"
        told = rf"train results/tiny/study.json {cell}\n.*\nannobench: error: killed by SIGKILL, "
        assert len(re.findall(told, said)) == 2, said
        assert not done_study.path(f"results/tiny/cells/{cell}/run.json").exists()
    assert len(re.findall("Trying to restart job", said)) == 2
    assert other.exists()


def forget(study):
    """Remove two cells, and all that was made of them."""
    shutil.rmtree(study.path("results/tiny/cells/geo/_/llama/clean"))
    for path in (*study.path("results/tiny").glob("*.*"), study.path("results/tiny/tables")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.slow
def test_a_clock_that_was_set_back_by_ten_days_changes_nothing(done_study):
    """All files come from the future; Snakemake by itself would refuse what is made of them now."""
    before = done_study.tables()
    ahead = time.time() + 10 * 24 * 3600
    for path in done_study.path("results").rglob("*"):
        os.utime(path, (ahead, ahead))
    assert done_study.planned() == []
    forget(done_study)
    done_study.finish()
    assert done_study.tables() == before
    assert done_study.planned() == []
