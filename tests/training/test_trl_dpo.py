"""DPO by TRL's trainer is DPO on our packed rows."""

import numpy as np
import pandas as pd
import pytest
import torch

from annobench.methods import Given
from annobench.models.decoder import DecoderScorer
from annobench.models.learner import policy_model
from annobench.models.settings import Full, Lora, Model, TopLayers
from annobench.models.tokens import TokenItem
from annobench.registry import component
from annobench.training import trl_dpo
from annobench.training.loop import Checkpointing, Objective, _backward, fit, score
from annobench.training.rows import rows_of
from annobench.training.settings import Training
from annobench.training.trl_dpo import by_trl

pytestmark = pytest.mark.usefixtures("in_bf16")

USERS = ["ann", "bob", "cat"]
EOS = 1
PAIRS = [
    TokenItem("q0", (4, 9, 12), ((20, 21, EOS), (22, EOS))),
    TokenItem("q1", (4, 9, 12, 6, 7), ((23, EOS), (20, 24, 25, 26, EOS))),
    TokenItem("q2", (13, 5), ((30, 31, 32, EOS), (30, 33, EOS))),
    TokenItem("q3", (4, 8), ((EOS,), (27, 28, EOS))),
]
ITEMS = pd.DataFrame({"item": [pair.item for pair in PAIRS], "task": "any"})
ONE_EACH = [("q0", "ann", 0.0), ("q1", "bob", 1.0), ("q2", "cat", 0.0), ("q3", "ann", 1.0)]
SEVERAL = [*ONE_EACH, ("q0", "bob", 1.0), ("q0", "cat", 0.0), ("q2", "ann", 0.0)]
SMOOTHED = [("q0", "ann", 0.1), ("q0", "bob", 0.5), ("q1", "cat", 0.97), ("q2", "ann", 0.3)]
"""Item, user, and the target of option 1."""
TUNES = [Full(), Lora(rank=2), TopLayers(layers=2)]


@pytest.fixture(scope="session")
def folder(saved):
    return saved("llama")


@pytest.fixture
def parts(folder):
    """parts(comparisons, tune, row_tokens): a scorer of a model that has moved from its start, the
    model's trained parameters, and the objective whose reference is the start."""

    def make(comparisons, tune, row_tokens=1000):
        targets = pd.DataFrame(
            {
                "item": item,
                "annotator": user,
                "distribution": [1 - second, second],
                "weight": 1.0,
                "kept": True,
            }
            for item, user, second in comparisons
        )
        model = Model(source="path:any", tune=tune)
        whole, places = policy_model(folder, model, "fp32", ("model", 0))
        scorer = DecoderScorer(whole, PAIRS, "sum", row_tokens, whole.device)
        start = score(scorer, np.arange(len(PAIRS)), 2, "fp32")
        method = component("methods", "dpo")
        rows = rows_of(targets, ITEMS, USERS, ["any"])
        given = Given(ITEMS, targets[["annotator"]])
        objective = Objective(method, method.Settings(beta=0.7), given, rows, start)
        return scorer, places, objective, model

    return make


@pytest.fixture
def steps(monkeypatch):
    """steps(change): one of TRL's steps, its loss and gradients, after `change` of the model."""

    def make(folder, model, objective, saving, change, row_tokens=1000):
        found = {}

        def one(scorer, gradients, plan, items, training, saving):
            whole = scorer.model.train()
            change(whole)
            found["loss"] = gradients(0, objective.items)["loss"]
            found["model"] = whole
            found["gradients"] = {
                name: p.grad.clone() for name, p in whole.named_parameters() if p.requires_grad
            }
            return [{"loss": found["loss"]}]

        monkeypatch.setattr(trl_dpo, "descend", one)
        training = Training(precision="fp32", row_tokens=row_tokens)
        by_trl(folder, model, PAIRS, objective, training, ("model", 0), saving)
        return found["loss"], found["gradients"]

    return make


@torch.no_grad()
def moved(whole):
    """As if some steps had been taken, so that ratios are not 1."""
    stream = torch.Generator().manual_seed(3)
    for parameter in whole.parameters():
        if parameter.requires_grad:
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=stream))


@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.kind)
@pytest.mark.parametrize("row_tokens", [1000, 16, 1])
@pytest.mark.parametrize(
    "comparisons", [ONE_EACH, SEVERAL, SMOOTHED], ids=["one-each", "several", "smoothed"]
)
def test_a_step_is_the_same_by_both(parts, steps, folder, saving, comparisons, tune, row_tokens):
    """Loss and all gradients, whatever is computed together."""
    scorer, _, objective, model = parts(comparisons, tune, row_tokens)
    moved(scorer.model)
    away = score(scorer, objective.items, 2, "fp32") - objective.reference[objective.items]
    assert away.abs().max() > 0.1
    scorer.model.train()
    wanted = _backward(scorer, objective, {}, objective.items, "fp32")
    gradients = {name: p.grad for name, p in scorer.model.named_parameters() if p.requires_grad}
    loss, found = steps(folder, model, objective, saving, moved, row_tokens)
    assert loss == pytest.approx(wanted, abs=1e-5)
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)


def test_a_coins_comparison_pulls_back_to_the_start_only(parts, steps, folder, saving):
    """At the start, a target of 1/2 has no gradient."""
    _, _, objective, model = parts([("q0", "ann", 0.5)], Full())
    loss, gradients = steps(folder, model, objective, saving, lambda whole: None)
    assert loss == pytest.approx(np.log(2))
    assert max(gradient.abs().max() for gradient in gradients.values()) < 1e-5


@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.kind)
def test_training_ends_at_the_same_parameters(parts, folder, saving, tune):
    scorer, places, objective, model = parts(SEVERAL, tune)
    training = Training(precision="fp32", items_per_batch=2, lr=1e-3, epochs=2)
    before = {name: p.detach().clone() for name, p in places.items()}
    learned, history, row_tokens = by_trl(
        folder, model, PAIRS, objective, training, ("model", 0), saving
    )
    _, ours = fit(scorer, objective, training, ("model", 0), saving)
    assert len(history) == len(ours) == 4
    assert row_tokens == training.row_tokens
    for one, other in zip(history, ours, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert one["epoch"] == other["epoch"]
    assert learned.keys() == places.keys()
    for name, parameter in places.items():
        # AdamW's first steps are signs, so the smallest gradients may differ by a step's length
        torch.testing.assert_close(learned[name], parameter.detach(), atol=1e-4, rtol=0)
    assert any((learned[name] - before[name]).abs().max() > 1e-3 for name in before)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.kind)
def test_packed_rows_of_any_size_give_one_trajectory(
    parts, saving, one_trajectory, tune, precision
):
    training = Training(precision=precision, items_per_batch=2, lr=1e-3, epochs=4.5)
    found = []
    for row_tokens in (1000, 16, 1):
        scorer, places, objective, _ = parts(SMOOTHED, tune, row_tokens)
        _, history = fit(scorer, objective, training, ("model", 0), saving)
        numbers = torch.cat([p.detach().flatten() for p in places.values()])
        found.append(([row["loss"] for row in history], numbers))
    for other in found[1:]:
        one_trajectory(other, found[0], precision)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(parts, folder, tmp_path, monkeypatch):
    _, _, objective, model = parts(SEVERAL, Full())
    training = Training(precision="fp32", items_per_batch=2, lr=1e-3, epochs=3)

    def run(saving):
        return by_trl(folder, model, PAIRS, objective, training, ("model", 0), saving)

    whole, history, _ = run(Checkpointing(tmp_path / "never", float("inf"), "recipe"))
    chunks, calls = trl_dpo._chunks, []

    def stop(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return chunks(*arguments)

    saving = Checkpointing(tmp_path / "checkpoint.safetensors", 0, "recipe")
    monkeypatch.setattr(trl_dpo, "_chunks", stop)
    with pytest.raises(KeyboardInterrupt):
        run(saving)
    calls.extend([None] * 10)
    resumed, again, _ = run(saving)
    assert len(calls) == 4 + 10 + 3  # the three steps that were left
    assert [row["loss"] for row in again] == [row["loss"] for row in history]
    for name, parameter in whole.items():
        assert torch.equal(resumed[name], parameter)


def test_the_global_random_state_is_left_as_it_was(parts, folder, saving):
    _, _, objective, model = parts(ONE_EACH, Full())
    state = torch.get_rng_state()
    by_trl(folder, model, PAIRS, objective, Training(precision="fp32"), ("model", 0), saving)
    assert torch.get_rng_state().equal(state)


def test_comparisons_are_computed_together_as_far_as_there_is_room():
    numbers = np.array([3, 8, 5, 9])
    padded = np.array([10, 40, 20, 20])
    found = [chunk.tolist() for chunk in trl_dpo._chunks(numbers, padded, 60)]
    assert found == [[8], [5, 9, 3]]
    assert [chunk.tolist() for chunk in trl_dpo._chunks(numbers, padded, 1)] == [[8], [5], [9], [3]]
