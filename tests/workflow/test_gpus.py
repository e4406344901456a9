"""A study on a machine that is said to have GPUs: torch sees none here, so only leases are."""

import os
import re

import pytest

CELL = "geo/half-good/llama/realm/0"
TRAIN = ("annobench", "train", "config.yaml")
GPUS = ("GPU-00", "GPU-11")


@pytest.fixture
def machine(done_study, tmp_path):
    """machine(study settings, environment): a finished study where nvidia-smi lists two GPUs."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    lines = "\n".join(f"echo 'GPU {n}: Any (UUID: {gpu})'" for n, gpu in enumerate(GPUS))
    program.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    program.chmod(0o755)
    done_study.environment.update(
        PATH=os.pathsep.join([str(program.parent), os.environ["PATH"]]),
        ANNOBENCH_LEASES=str(tmp_path / "leases"),
    )

    def make(jobs_per_gpu, **environment):
        done_study.edit("config.yaml", "seeds:", f"jobs_per_gpu: {jobs_per_gpu}\nseeds:")
        done_study.environment.update(environment)
        return done_study

    return make


def leased(study, *command):
    return re.findall(r"\d\d GPU (\S+)$", study.do(*command), re.M)


def test_a_job_says_on_which_gpu_it_is_and_ends_the_same(machine):
    study = machine(1, CUDA_VISIBLE_DEVICES="1")
    assert study.planned() == []
    names = ("targets", "predictions", "annotators")
    files = [study.path(f"results/tiny/cells/{CELL}/{name}.parquet") for name in names]
    before = [path.read_bytes() for path in files]
    assert leased(study, *TRAIN, CELL) == ["GPU-11"]
    assert [path.read_bytes() for path in files] == before
    assert leased(study, "annobench", "encode", "config.yaml", "geo", "llama") == ["GPU-11"]
    assert leased(study, "annobench", "evaluate", "config.yaml") == []
    study.environment.update(CUDA_VISIBLE_DEVICES="")
    assert leased(study, *TRAIN, CELL) == []
    study.environment.update(CUDA_VISIBLE_DEVICES="2")
    done = study.run(*TRAIN, CELL)
    assert done.returncode == 2
    assert "annobench: error: CUDA_VISIBLE_DEVICES: found '2'; allowed: 0, 1, GPU-" in done.stderr


def until(job, said):
    """What a job says behind these words, when it says so."""
    for line in job.stderr:
        if found := re.search(rf"\d\d {said} (.*)$", line):
            return found[1]
    raise AssertionError(f"it never said: {said}")


def test_a_third_job_waits_until_one_of_two_is_killed(machine):
    study = machine(1)
    study.edit("config.yaml", "epochs: 1", "epochs: 10000")
    others = [CELL.replace(*change) for change in (("realm", "sft"), ("/0", "/1"))]
    first, second = (study.start(*TRAIN, cell) for cell in others)
    with first, second:
        ours = [until(job, "GPU") for job in (first, second)]
        assert sorted(ours) == list(GPUS)
        study.edit("config.yaml", "epochs: 10000", "epochs: 1")
        with study.start(*TRAIN, CELL) as third:
            waits = until(third, "wait for a GPU:")
            assert all(f"{gpu}: process " in waits for gpu in GPUS)
            second.kill()
            assert until(third, "GPU") == ours[1]
            third.communicate()
            assert third.returncode == 0
        first.kill()
