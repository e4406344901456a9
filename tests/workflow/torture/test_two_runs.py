"""Two runs in one folder: of one study the second is refused, of two studies both finish."""

import os
import re

import pytest

from annobench import layout, locks


def tree(study):
    """Every file that a run could touch."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for name in ("results", "assets")
        for path in study.path(name).rglob("*")
        if path.is_file()
    }


@pytest.fixture
def taken(done_study):
    """The study's lock, held by this process as by another run."""
    lock = done_study.path(layout.LOCK.format(study="tiny"))
    locks.hold(lock)
    yield done_study
    os.close(locks._held.pop(lock))


def test_a_second_run_is_one_sentence_and_touches_nothing(taken):
    taken.path("results/tiny/report.html").unlink()
    before = tree(taken)
    done = taken.run("snakemake", "--cores", "2")
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("annobench: error: ")]
    assert len(errors) == 1
    assert re.fullmatch(
        r"annobench: error: results/tiny: found a run that is still going on "
        rf"\(process {os.getpid()} on \S+ since \S+ \S+\); allowed: one at a time",
        errors[0],
    )
    assert "Traceback" not in done.stderr
    assert tree(taken) == before
    assert taken.planned() != []  # a dry-run is free to look


def test_of_two_runs_at_once_one_is_refused_and_one_finishes(new_study, finished):
    runs = [new_study.start("snakemake", "--cores", "1") for _ in range(2)]
    ends = [(*run.communicate(), run.returncode) for run in runs]
    assert sorted(code == 0 for *_, code in ends) == [False, True], ends
    (refused,) = (err for _, err, code in ends if code)
    assert "annobench: error: results/tiny: found a run that is still going on" in refused
    for name in ("metrics", "summary", "history"):
        path = f"results/tiny/{name}.parquet"
        assert new_study.path(path).read_bytes() == finished.path(path).read_bytes()
    assert new_study.planned() == []


@pytest.mark.slow
def test_two_studies_at_once_share_what_they_fetch(new_study):
    text = new_study.path("config.yaml").read_text(encoding="utf-8")
    for line in ("  sft: {}", "  realm: {}", "  comparisons: {}", "  accuracy-by-noise: {}"):
        assert line in text
        text = text.replace(f"{line}\n", "")
    names = ("one", "two")
    for name in names:
        own = text.replace("study: tiny", f"study: {name}")
        new_study.path(f"{name}.yaml").write_text(own, encoding="utf-8")
    runs = [
        new_study.start("snakemake", "--cores", "1", "--configfile", f"{name}.yaml")
        for name in names
    ]
    for run in runs:
        out, err = run.communicate()
        assert run.returncode == 0, out + err
    for name in names:
        assert new_study.path(f"results/{name}/report.html").exists()
        new_study.do("annobench", "check", f"{name}.yaml")
