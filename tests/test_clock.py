"""Seconds of phases, and the lines that commands note."""

import json

import pytest

from annobench import clock


@pytest.fixture
def spent(monkeypatch):
    """A clock that ticks when it is told to."""
    now = [100.0]
    found: dict[str, float] = {}
    monkeypatch.setattr(clock, "spent", found)
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])

    def tick(seconds):
        now[0] += seconds

    return found, tick


def test_a_phase_inside_another_counts_once(spent):
    found, tick = spent
    with clock.phase("training"):
        tick(1)
        with clock.phase("loading"):
            tick(10)
            with clock.phase("training"):
                tick(100)
        with clock.phase("loading"):
            tick(1000)
    assert found == {"training": 101, "loading": 1010}


def test_a_phase_counts_what_failed(spent):
    found, tick = spent

    @clock.phase("loading")
    def load():
        tick(2)
        raise ValueError("broken")

    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            load()
    assert found == {"loading": 4}
    with clock.phase("training"):
        tick(1)
    assert found["training"] == 1


@pytest.mark.parametrize("fails", [False, True])
def test_a_line_for_each_command_however_it_ends(tmp_path, monkeypatch, fails):
    monkeypatch.setattr(clock, "spent", {"training": 0.5})
    path = tmp_path / "logs/times.jsonl"
    for name in ("a", "b"):
        try:
            with clock.noted(path, ["train", name]):
                if fails:
                    raise ValueError("broken")
        except ValueError:
            assert fails
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line]
    assert [line["command"] for line in lines] == [["train", "a"], ["train", "b"]]
    for line in lines:
        assert line["status"] == fails
        assert line["phases"]["training"] == 0.5
        assert line["seconds"] >= line["phases"]["starting"] > 0
        assert line["threads"] >= 1


def test_a_line_that_cannot_be_written_costs_no_result(tmp_path, caplog):
    (tmp_path / "logs").write_text("not a folder", encoding="utf-8")
    with clock.noted(tmp_path / "logs/times.jsonl", ["train"]):
        pass
    assert "a line is missing" in caplog.text
