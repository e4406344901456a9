import json
import subprocess
import sys
from pathlib import Path

import grpo as benchmark
import numpy as np
import pytest
import torch
from grpo_ours import ours
from grpo_peer import Asked, trl, weighted_advantages

SCRIPT = Path(benchmark.__file__)
YES = ["yes", "no"]


@pytest.fixture
def given(saved):
    """Two steps of two prompts."""
    return Asked(
        model=saved("llama"),
        prompts=[f"is the {thing} red ?" for thing in ("ball", "box", "door", "wall")],
        options=[YES] * 4,
        human=np.array([[1.0, 0], [0.5, 0.5], [0.8, 0.2], [0, 1]]),
        per_step=2,
        group=4,
        new_tokens=3,
        layers=2,
        precision="fp32",
    )


def test_it_runs_and_says_what_was_measured(saved, tmp_path):
    out = tmp_path / "out.json"
    model = saved("llama", max_position_embeddings=512)
    options = "--steps 1 --prompts 2 --group 2 --new-tokens 3 --layers 1 --repeats 1"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--model", model, *options.split(), "--out", out],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "rollouts/s" in done.stdout
    for run in json.loads(out.read_text())["runs"]:
        assert (run["steps"], run["rollouts"]) == (1, 4)
        assert run["rollouts_per_second"] == pytest.approx(4 / run["seconds_per_step"])
        assert run["process_seconds"] > run["seconds_per_step"]


@pytest.mark.parametrize("side", [ours, trl])
def test_a_side_draws_a_group_of_each_prompt_a_step(given, tmp_path, side):
    with torch.random.fork_rng():
        ends, said = side(given, tmp_path)
    assert len(ends) == 2
    assert ends == sorted(ends)
    assert [len(step) for step in said] == [8, 8]


def test_the_weight_comes_after_the_normalisation(given):
    """A contested item's advantages are twice a clear one's with the same rewards."""
    texts = ["[100,0]", "nothing", "nothing", "nothing", "[50,50]", "nothing", "", "?"]
    human = np.repeat(given.human[:2], 4, axis=0)
    found = weighted_advantages(texts, [YES] * 8, human, given).reshape(2, 4)
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-9)
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-6)
    assert found[0, 0] == pytest.approx(0.75 * 1.1 / (0.55 + 1e-4))
