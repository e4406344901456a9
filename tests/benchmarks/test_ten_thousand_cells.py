import json
import subprocess
import sys

import pytest
import ten_thousand_cells as benchmark


def test_it_runs_and_says_what_was_measured(tmp_path):
    """Of a few cells, and no time is asserted."""
    out = tmp_path / "out.json"
    folder = tmp_path / "study"
    done = subprocess.run(
        [sys.executable, benchmark.__file__, "--cells", "24", "--folder", folder, "--out", out],
        check=False,
        capture_output=True,
        text=True,
    )
    log = folder / "benchmark.log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    found = json.loads(out.read_text())
    assert found["cells"] == 24
    assert set(found["runs"]) == set(benchmark.RUNS)
    for run in found["runs"].values():
        assert run["seconds"] > 0
        assert run["processor_seconds"] > 0
        assert run["peak_bytes"] > 2**20
    # All cells were finished before the clock started.
    assert set(found["commands_of_the_first_run"]) == {"gather", "evaluate", "table", "figure"}
    assert found["disk"]["results"]["files"] > 24 * 6
    assert (folder / "results/simulated/report.html").is_file()
    assert log.read_text().count("Nothing to be done") == 2
    assert "a run with nothing to do" in done.stdout


@pytest.mark.parametrize(("cells", "found"), [(24, 24), (800, 800), (10_000, 10_000)])
def test_a_study_of_so_many_cells(cells, found):
    assert len(benchmark.sized(cells).cells()) == found
