"""The jobs of a study run in one warm process, and nothing else differs."""

from pathlib import Path

import pandas as pd

from annobench.files import read_json

CELL = "geo/half-good/llama/realm/0"
FILES = ("targets", "predictions", "annotators")


def test_a_cell_by_hand_is_that_of_the_workflow(done_study):
    files = [done_study.path(f"results/tiny/cells/{CELL}/{name}.parquet") for name in FILES]
    expected = [path.read_bytes() for path in files]
    for path in files:
        path.unlink()
    done_study.do("annobench", "train", "config.yaml", CELL)
    assert [path.read_bytes() for path in files] == expected


def test_the_jobs_had_one_server_and_it_is_gone(finished):
    logs = list(finished.path(".snakemake/log").glob("warm-*.log"))
    assert len(logs) == 1
    assert "Traceback" not in logs[0].read_text(encoding="utf-8")
    named = f"annobench.warm\0{logs[0].stem.removeprefix('warm-')}"
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert named not in process.read_text()
        except OSError:  # it ended meanwhile
            continue


def test_each_job_keeps_its_own_log(finished, all_cells):
    for cell in all_cells:
        log = finished.path(f"results/tiny/logs/train/{cell}.log").read_text(encoding="utf-8")
        assert log.count("$ annobench train") == 1
        assert cell in log.splitlines()[0]


def test_the_study_says_where_its_time_went(finished, all_cells):
    done = finished.do("annobench", "time", "results/tiny/study.json")
    rows = {line.split()[0]: line.split() for line in done.splitlines() if line}
    assert int(rows["train"][1]) == len(all_cells)
    assert int(rows["annotate"][1]) == 4
    assert float(rows["all"][3]) > float(rows["train"][3]) > 0
    assert " jobs in " in done
    assert done.rstrip().endswith("%")


def test_a_cell_that_fails_takes_no_other_along(done_study):
    done_study.edit("config.yaml", "realm: {}", "realm: {training: {lr: 1.0e+30, epochs: 2}}")
    done_study.finish()
    status = {path.parts[-3]: read_json(path)["status"] for path in done_study.records()}
    assert status == {"realm": "diverged", "sft": "ok", "clean": "ok", "zero-shot": "ok"}
    costs = pd.read_parquet(done_study.path("results/tiny/costs.parquet"))
    assert set(costs["status"]) == {"ok", "diverged"}
