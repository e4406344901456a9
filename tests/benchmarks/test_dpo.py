import json
import subprocess
import sys
from pathlib import Path

import dpo as benchmark
import pytest
import torch
from dpo_ours import by_trls_loss, packed
from dpo_peer import Asked, trl

from annobench.models.tokens import TokenItem


def test_it_runs_and_says_what_was_measured(saved, tmp_path):
    out = tmp_path / "out.json"
    options = "--steps 1 --pairs 2 --comparisons 2 --layers 1 --repeats 1"
    model = saved("llama")
    done = subprocess.run(
        [sys.executable, benchmark.__file__, "--model", model, *options.split(), "--out", out],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "items/s" in done.stdout
    runs = json.loads(Path(out).read_text())["runs"]
    assert [run["side"] for run in runs] == ["packed", "by-trl", "trl"]
    assert {(run["steps"], run["pairs"], run["comparisons"]) for run in runs} == {(1, 2, 4)}
    assert len({run["trained_parameters"] for run in runs}) == 1
    for run in runs:
        assert run["process_seconds"] > run["before_seconds"] > 0


@pytest.mark.parametrize("side", [packed, by_trls_loss, trl])
def test_a_side_takes_as_many_steps(saved, tmp_path, side):
    given = Asked(
        model=saved("llama"),
        tokens=[TokenItem(f"q{n}", (4, 9, 10 + n), ((20, 1), (21 + n, 22, 1))) for n in range(4)],
        labels=[[0, 1, 0]] * 4,
        per_step=2,
        layers=1,
        precision="fp32",
    )
    with torch.random.fork_rng():
        ends, trained = side(given, tmp_path)
    assert len(ends) == 2
    assert ends == sorted(ends)
    assert trained > 0
