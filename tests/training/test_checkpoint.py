import math

import numpy as np
import pytest
import torch

from annobench.models.settings import Full, Lora
from annobench.training import checkpoint
from annobench.training.loop import Checkpointing, fit, predict
from annobench.training.settings import Training

pytestmark = pytest.mark.usefixtures("in_bf16")

STREAM = ("model", 0)
TRAINING = Training(precision="fp32", items_per_batch=4, lr=1e-3, epochs=3, warmup=0.2)
STEPS = 9
DROPOUT = {
    "gpt2": {"resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1},
    "t5": {"dropout_rate": 0.1},
}


@pytest.fixture
def every_step(tmp_path):
    return Checkpointing(tmp_path / "cells" / "checkpoint.safetensors", 0, "recipe")


def outcome(watched, objective, training, saving):
    """Parameters, what the method learned, history without the clock, predictions."""
    extra, history = fit(watched, objective("realm", freeze_epochs=1), training, STREAM, saving)
    parameters = {name: p.detach().clone() for name, p in watched.model.named_parameters()}
    timeless = [
        {key: value for key, value in row.items() if "second" not in key} for row in history
    ]
    return parameters | extra, timeless, predict(watched, np.arange(12), 4, "fp32")


def assert_same(found, wanted):
    """To the last bit."""
    assert found[0].keys() == wanted[0].keys()
    assert all(found[0][name].equal(wanted[0][name]) for name in wanted[0])
    assert found[1] == wanted[1]
    assert found[2].equal(wanted[2])


LORA = Lora(rank=2, dropout=0.1)


@pytest.mark.parametrize(
    ("family", "tune", "precision"),
    [
        ("gpt2", Full(), "fp32"),
        ("gpt2", Full(), "bf16"),
        ("gpt2", LORA, "bf16"),
        ("t5", Full(), "fp32"),
        ("t5", Full(), "bf16"),
        ("t5", LORA, "fp32"),
    ],
)
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    scorer, objective, saving, every_step, family, tune, precision
):
    """Interrupted in any step, half way through its rows; with dropout."""
    training = TRAINING.model_copy(update={"precision": precision})
    changes = DROPOUT[family] | {"tune": tune}
    wanted = outcome(scorer(family, 20, **changes), objective, training, saving)
    plain = outcome(scorer(family, 20, tune=Full()), objective, training, saving)
    assert wanted[1][0]["loss"] != plain[1][0]["loss"]  # dropout does something
    for step in range(1, STEPS + 1):
        torch.manual_seed(step)
        with pytest.raises(KeyboardInterrupt):
            outcome(scorer(family, 20, step, **changes), objective, training, every_step)
        assert every_step.path.exists() == (step > 1)
        watched = scorer(family, 20, **changes)
        assert_same(outcome(watched, objective, training, every_step), wanted)
        assert len(watched.watch.calls) == STEPS - (step - 1) + 1  # and one to predict
        every_step.path.unlink()


def test_a_run_of_many_interruptions(scorer, objective, saving, every_step):
    wanted = outcome(scorer("gpt2", **DROPOUT["gpt2"]), objective, TRAINING, saving)
    for _ in range(STEPS - 1):
        watched = scorer("gpt2", stop_at=2, **DROPOUT["gpt2"])
        with pytest.raises(KeyboardInterrupt):
            outcome(watched, objective, TRAINING, every_step)
    watched = scorer("gpt2", **DROPOUT["gpt2"])
    assert_same(outcome(watched, objective, TRAINING, every_step), wanted)


def test_a_finished_run_is_not_trained_again(scorer, objective, every_step):
    wanted = outcome(scorer(), objective, TRAINING, every_step)
    watched = scorer()
    assert_same(outcome(watched, objective, TRAINING, every_step), wanted)
    assert len(watched.watch.calls) == 1


def test_seconds_go_on_across_an_interruption(scorer, objective, every_step):
    with pytest.raises(KeyboardInterrupt):
        fit(scorer(stop_at=5), objective("sft"), TRAINING, STREAM, every_step)
    before = checkpoint.load(every_step.path, "recipe").history
    _, history = fit(scorer(), objective("sft"), TRAINING, STREAM, every_step)
    assert history[:4] == before
    seconds = [row["seconds"] for row in history]
    assert sorted(seconds) == seconds
    assert [row["step"] for row in history] == list(range(1, STEPS + 1))


def begun(watched, objective, saving):
    """Leave a checkpoint after the fourth step."""
    watched.watch.stop_at = 5
    with pytest.raises(KeyboardInterrupt):
        fit(watched, objective("sft"), TRAINING, STREAM, saving)


def test_a_checkpoint_of_another_recipe_is_ignored(scorer, objective, every_step):
    begun(scorer(), objective, every_step)
    other = Checkpointing(every_step.path, math.inf, "another recipe")
    watched = scorer()
    fit(watched, objective("sft"), TRAINING, STREAM, other)
    assert len(watched.watch.calls) == STEPS


@pytest.mark.parametrize("left", [0, 4, 100, 0.5, -1])
def test_a_truncated_checkpoint_is_ignored(scorer, objective, every_step, left):
    begun(scorer(), objective, every_step)
    content = every_step.path.read_bytes()
    end = int(left * len(content)) if 0 < left < 1 else left
    every_step.path.write_bytes(content[:end])
    assert checkpoint.load(every_step.path, "recipe") is None
    watched = scorer()
    fit(watched, objective("sft"), TRAINING, STREAM, every_step)
    assert len(watched.watch.calls) == STEPS


def test_no_checkpoint_before_its_time(scorer, objective, saving):
    fit(scorer(), objective("sft"), TRAINING, STREAM, saving)
    assert not saving.path.exists()


def test_a_checkpoint_holds_what_is_trained_and_no_more(scorer, objective, every_step):
    watched = scorer()
    watched.model.requires_grad_(False)
    watched.model.model.norm.requires_grad_(True)
    fit(watched, objective("realm"), TRAINING, STREAM, every_step)
    saved = checkpoint.load(every_step.path, "recipe")
    moments = {f"optimizer.{i}.{n}" for i in (0, 1) for n in ("step", "exp_avg", "exp_avg_sq")}
    wanted = {"model.model.norm.weight", "extra.omega", "rng.cpu"} | moments
    assert {name for name in saved.tensors if name != "rng.cuda"} == wanted
    assert saved.tensors["model.model.norm.weight"].equal(watched.model.model.norm.weight)


def test_a_checkpoint_of_adapters_holds_no_frozen_weight(scorer, objective, every_step):
    watched = scorer(tune=Lora(rank=2))
    before = {name: p.detach().clone() for name, p in watched.model.named_parameters()}
    begun(watched, objective, every_step)
    names = set(checkpoint.load(every_step.path, "recipe").tensors)
    adapters = {f"model.{name}" for name in before if ".lora_" in name}
    assert {name for name in names if name.startswith("model.")} == adapters
    for name, parameter in watched.model.named_parameters():
        assert parameter.equal(before[name]) == (".lora_" not in name)


@pytest.mark.parametrize("family", DROPOUT)
def test_smaller_rows_last_across_an_interruption(
    scorer, objective, saving, every_step, large_rows, family
):
    """Short of memory from the fourth step on; interrupted in the last; resumed with enough."""
    changes = DROPOUT[family]
    watched = scorer(family, watch=large_rows(2, since=4), **changes)
    wanted = outcome(watched, objective, TRAINING, saving)
    small = watched.row_tokens
    assert small < 1000
    interrupted = scorer(family, watch=large_rows(2, since=4), **changes)
    interrupted.watch.stop_at = len(watched.watch.calls) - 1
    with pytest.raises(KeyboardInterrupt):
        outcome(interrupted, objective, TRAINING, every_step)
    resumed = scorer(family, **changes)
    assert_same(outcome(resumed, objective, TRAINING, every_step), wanted)
    assert resumed.row_tokens == small
