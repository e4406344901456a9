import json
import subprocess
import sys
from pathlib import Path

import generation as benchmark
import pytest
import torch

from annobench.models.asking import Asker
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.settings import Model, Views
from annobench.training.settings import Training

SCRIPT = Path(benchmark.__file__)


@pytest.fixture
def chatty(saved, tmp_path):
    """The folder of a tiny model that talks in turns."""
    folder = tmp_path / "model"
    load_model(saved("llama")).save_pretrained(folder)
    tokenizer = load_tokenizer(saved("llama"))
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


def test_it_runs_and_says_what_was_measured(chatty, tmp_path):
    out = tmp_path / "out.json"
    options = "--questions 3 --new-tokens 4 --side-by-side 2 --repeats 1"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--model", chatty, *options.split(), "--out", out],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "times the tokens per second" in done.stdout
    report = json.loads(out.read_text())
    assert [run["side"] for run in report["runs"]] == ["ours", "one_by_one"]
    ours, peer = (run["tokens_per_second"] for run in report["runs"])
    assert report["ratio"] == pytest.approx(ours / peer)


def test_both_sides_say_the_same_where_nothing_is_drawn(chatty):
    """Nearly at temperature 0: so they have the same prompts and lengths."""
    views = Views(new_tokens=6, temperature=1e-6)
    model = Model(source="path:any", answer="letter")
    asker = Asker(chatty, model, views, Training(precision="fp32"), ("tiny",))
    asked = benchmark.questions(3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert benchmark.ours(asker, asked) == benchmark.one_by_one(asker, asked)
