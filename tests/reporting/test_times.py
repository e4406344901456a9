"""Where the time went, by hand-worked lines."""

import json

import pytest

from annobench.reporting import times


def command(*names, begun=10.0, seconds=10.0, threads=1, **phases):
    line = {"begun": begun, "seconds": seconds, "threads": threads, "status": 0}
    line["peak_memory_bytes"] = threads * 2**30
    return line | {"command": [*names], "phases": phases}


RUN = {"workflow": 1, "cores": 2, "begun": 0.0}
LINES = [
    {"workflow": 0, "cores": 2, "begun": -100.0},
    command("train", "s", "a", begun=-90.0, seconds=99.0, training=98.0),
    command("train", "s", "b", begun=-90.0, seconds=10.0, training=5.0),
    RUN,
    command("train", "s", "a", seconds=10.0, training=6.0, predicting=1.0, starting=2.0),
    command("encode", "s", "d", seconds=5.0, threads=2, encoding=4.0),
]


def test_a_command_counts_by_its_last_run_and_by_its_threads():
    found = times.table(times.commands(LINES)).set_index("stage")
    assert found["jobs"].to_dict() == {"train": 2, "encode": 1, "all": 3}
    assert found["core time, s"].to_dict() == {"train": 20, "encode": 10, "all": 30}
    assert found["peak memory, GiB"].to_dict() == {"train": 1, "encode": 2, "all": 2}
    train = found.loc["train"]
    assert train["training, %"] == pytest.approx(100 * 11 / 20)
    assert train["rest, %"] == pytest.approx(100 * (1 + 5) / 20)
    assert found.loc["encode", "encoding, %"] == pytest.approx(80)
    shares = [name for name in found if name.endswith("%")]
    assert found[shares].sum(axis=1).tolist() == pytest.approx([100] * 3)


def test_the_summary_is_of_the_last_run_and_counts_idle_cores():
    said = times.summary(LINES, 20.0)
    assert said == (
        "2 jobs in 20 s on 2 cores: training 15.0 %, predicting 2.5 %, asking and encoding 20.0 %,"
        " the rest of jobs 12.5 %, no job 50.0 %"
    )
    assert times.summary([RUN | {"cores": None}, LINES[-1]], 20.0) == "1 jobs in 20 s"


def test_nothing_was_run():
    assert times.summary([], 1.0) == times.summary([RUN], 1.0) == ""
    assert times.table(times.commands([])).empty


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path):
    path = tmp_path / "times.jsonl"
    assert times.read(path) == []
    whole = json.dumps(RUN)
    path.write_text(f"{whole}\n{whole[:9]}\n5\n{{}}\n{whole}\n{whole[:20]}", encoding="utf-8")
    with path.open("ab") as file:
        file.write(b"\n\xff\n")
    assert times.read(path) == [RUN, RUN]
