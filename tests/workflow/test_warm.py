"""The jobs of a study run in one warm process, and nothing else differs."""

from pathlib import Path

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


def test_the_study_says_where_its_time_went(done_study, all_cells):
    done = done_study.do("annobench", "time", "results/tiny/study.json")
    rows = {line.split()[0]: line.split() for line in done.splitlines() if line}
    assert int(rows["train"][1]) == len(all_cells)
    assert int(rows["annotate"][1]) == 4
    assert float(rows["all"][3]) > float(rows["train"][3]) > 0
    assert " jobs in " in done
    assert done.rstrip().endswith("%")
