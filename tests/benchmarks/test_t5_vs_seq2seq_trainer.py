import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import t5_vs_seq2seq_trainer as benchmark

from annobench.models.tokens import TokenItem

SCRIPT = Path(benchmark.__file__)
ASKED = {
    "size": "tiny",
    "tune": "full",
    "steps": 3,
    "labels": 3,
    "items_per_batch": 4,
    "tokens": 12,
    "row_tokens": 256,
    "precision": "bf16",
    "threads": 1,
}


def test_it_runs_and_says_what_was_measured(tmp_path):
    out = tmp_path / "out.json"
    options = "--size tiny --tunes lora --steps 3 --items-per-batch 4 --tokens 12 --repeats 1"
    done = subprocess.run(
        [sys.executable, SCRIPT, *options.split(), "--peak-tflops", "1", "--out", out],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "times the trainer's items per second" in done.stdout
    runs = json.loads(out.read_text())["runs"]
    assert [run["side"] for run in runs] == ["engine", "trainer"]
    for run in runs:
        assert run["steps"] == 3
        assert run["items_per_second"] == pytest.approx(12 / run["seconds"])
        assert 0 < run["utilisation"] < 1
    assert runs[0]["trained_parameters"] == runs[1]["trained_parameters"]


def test_both_sides_see_the_same_number_of_annotations_a_step():
    """The engine each item once, the trainer each annotation."""
    asked = Namespace(**ASKED)
    ends, seen = benchmark.engine(asked)
    assert len(ends) == len(seen) == 4
    assert [len(items) for items in seen] == [4] * 4
    assert sorted(ends) == ends
    ends, seen = benchmark.trainer(asked)
    assert len(ends) == len(seen) == 4
    assert [len(items) for items in seen] == [12] * 4
    counts = {item.item: 0 for step in seen for item in step}
    for step in seen:
        for item in step:
            counts[item.item] += 1
    assert set(counts.values()) == {3}
    assert len(counts) == 16


@pytest.mark.parametrize(("tune", "per_weight"), [("full", 6), ("lora", 4)])
def test_flops_by_hand(tune, per_weight):
    """Tiny: two layers a side, 32 wide, heads of 8, feed-forward 64, a vocabulary of 64."""
    model = benchmark.module(Namespace(**(ASKED | {"tune": tune})))
    items = [TokenItem("a", (1,) * 10, ((2,),)), TokenItem("b", (1,) * 30, ((2,),))]
    heads = model.config.num_heads * 8
    attention, feed_forward = 32 * heads, 3 * 32 * 64
    encoder = 2 * (4 * attention + feed_forward) + 2 * 2 * attention
    decoder = 2 * (6 * attention + feed_forward) + 32 * 64
    wanted = per_weight * (40 * encoder + 2 * decoder)
    if tune == "lora":  # q and v of 2 encoder layers, then of 2 decoder layers of both attentions
        adapter = 16 * (32 + heads)
        wanted += 6 * (40 * adapter * (2 * 2 + 2) + 2 * adapter * (2 * 2 + 2))
    assert benchmark.step_flops(model, items) == wanted
