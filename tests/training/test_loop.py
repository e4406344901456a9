import logging
import math
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from annobench.models.decoder import plain_scores
from annobench.models.settings import Lora
from annobench.training.loop import (
    DivergedError,
    fit,
    log_probabilities,
    predict,
)
from annobench.training.settings import Training

STREAM = ("model", 0)


def training(**settings):
    return Training(**({"precision": "fp32", "items_per_batch": 4, "lr": 1e-3} | settings))


ONE_STEP = {"epochs": 1, "items_per_batch": 12}


# the loss


def test_the_restricted_softmax():
    scores = torch.tensor([[1.0, 2.0, -torch.inf], [0.0, 0.0, 0.0]])
    log_p = log_probabilities(scores, 5)
    e = math.e
    wanted = [[1 / (1 + e), e / (1 + e), 0, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0, 0]]
    torch.testing.assert_close(log_p.exp(), torch.tensor(wanted))
    assert log_probabilities(scores.bfloat16(), 3).dtype == torch.float32


def one_at_a_time(model, items, targets, beta):
    """Mean over annotations, each scored by itself, its options one after another."""
    numbers = {item.item: item for item in items}
    losses = []
    for target in targets.itertuples():
        p = plain_scores(model, numbers[target.item], "sum").softmax(-1)
        q = beta * p[int(np.argmax(target.distribution))] + (1 - beta) / len(p)
        losses.append(-q.log())
    return torch.stack(losses).mean()


@pytest.mark.parametrize("row_tokens", [1, 30, 1000])
@pytest.mark.parametrize(
    ("kind", "settings", "beta"), [("sft", {}, 1.0), ("realm", {"initial_expertise": 0.7}, 0.7)]
)
def test_a_step_is_the_mean_over_annotations(
    scorer, objective, targets, saving, kind, settings, beta, row_tokens
):
    """Loss and gradient of a batch are those of one example per annotation."""
    watched = scorer(row_tokens=row_tokens)
    plain = scorer().model
    loss = one_at_a_time(plain, watched.items, targets, beta)
    loss.backward()
    wanted = {name: p.grad for name, p in plain.named_parameters()}
    found = {name: torch.zeros_like(p) for name, p in plain.named_parameters()}
    for name, parameter in watched.model.named_parameters():
        parameter.register_hook(found[name].add_)

    _, history = fit(watched, objective(kind, **settings), training(**ONE_STEP), STREAM, saving)

    assert history[0]["loss"] == pytest.approx(loss.item(), abs=1e-5)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


def test_an_item_is_scored_once_however_many_labels_it_has(scorer, objective, saving):
    watched = scorer(row_tokens=30)
    fit(watched, objective("sft"), training(epochs=2), STREAM, saving)
    assert watched.watch.seen == dict.fromkeys(range(11), 2)  # the twelfth has no target
    assert [len(call) for call in watched.watch.calls] == [4, 4, 3] * 2


def test_weights_count_as_parts_of_an_annotation(scorer, objective, saving):
    """A row of weight 0 is as good as absent; all weights halved change nothing."""
    losses = []
    for weigh in (
        lambda rows: rows.weight,
        lambda rows: rows.weight / 2,
        lambda rows: (rows.item != 3).float(),
    ):
        goal = objective("sft")
        goal.rows.weight.copy_(weigh(goal.rows))
        losses.append(fit(scorer(), goal, training(**ONE_STEP), STREAM, saving)[1][0]["loss"])
    assert losses[0] == pytest.approx(losses[1])
    goal = objective("sft")
    rows = goal.rows.select(np.array([n for n in goal.items if n != 3]))
    log_p = predict(scorer(), np.array([n for n in goal.items if n != 3]), 4, "fp32")
    kept = -rows.expected_log_p(log_p[rows.item]).mean()
    assert losses[2] == pytest.approx(kept.item(), rel=1e-5)


# trajectories


def trajectory(watched, goal, saving, **settings):
    """Parameters after nine steps or so, what the method learned, and the losses."""
    extra, history = fit(watched, goal, training(**settings), STREAM, saving)
    return dict(watched.model.named_parameters()), extra, [row["loss"] for row in history]


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_the_loss_falls(scorer, objective, saving, family):
    _, _, losses = trajectory(
        scorer(family), objective("majority"), saving, epochs=20, lr=3e-3, items_per_batch=12
    )
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.usefixtures("in_bf16")
def test_fp32_and_bf16_agree(scorer, objective, saving):
    _, _, exact = trajectory(scorer(), objective("sft"), saving, precision="fp32")
    _, _, rounded = trajectory(scorer(), objective("sft"), saving, precision="bf16")
    assert rounded != exact
    assert rounded == pytest.approx(exact, abs=0.05)


def test_omega_waits_for_its_epoch(scorer, objective, saving):
    start = math.log(0.8 / 0.2)
    frozen, _ = fit(
        scorer(), objective("realm", freeze_epochs=2), training(epochs=2), STREAM, saving
    )
    assert frozen["omega"].tolist() == pytest.approx([start] * 4)
    free, _ = fit(
        scorer(), objective("realm", freeze_epochs=2), training(epochs=2.1), STREAM, saving
    )
    assert (free["omega"] - frozen["omega"]).abs().min() > 1e-3


def test_omega_follows_the_models_schedule(scorer, objective, saving):
    """AdamW's first step is the learning rate; half of it, as one step is all warm-up."""
    goal = objective("realm", freeze_epochs=0, expertise_lr=0.2)
    extra, _ = fit(scorer(), goal, training(**ONE_STEP, warmup=0.9), STREAM, saving)
    assert (extra["omega"] - math.log(4)).abs().tolist() == pytest.approx([0.1] * 4, rel=1e-4)


def test_weight_decay_spares_the_methods_own_parameters(scorer, objective, saving):
    """With no gradient to speak of, the model shrinks and omega stays."""
    method = objective("realm").method
    flat = SimpleNamespace(**vars(method))
    flat.loss = lambda log_p, rows, extra, settings: 0 * method.loss(log_p, rows, extra, settings)
    goal = objective("realm", freeze_epochs=0)
    goal = type(goal)(flat, goal.settings, goal.given, goal.rows)
    watched = scorer()
    before = {name: p.detach().clone() for name, p in watched.model.named_parameters()}
    settings = training(**ONE_STEP, weight_decay=0.5, lr=0.1)
    extra, _ = fit(watched, goal, settings, STREAM, saving)
    for name, parameter in watched.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), 0.95 * before[name])
    assert extra["omega"].tolist() == pytest.approx([math.log(4)] * 4)


def test_history_by_hand(scorer, objective, saving):
    """Eleven items with targets, four a batch, linear decay with a warm-up of one step of six."""
    settings = training(epochs=2, warmup=0.1, lr=1e-3)
    _, history = fit(scorer(), objective("sft"), settings, STREAM, saving)
    assert [row["step"] for row in history] == [1, 2, 3, 4, 5, 6]
    wanted = [4 / 11, 8 / 11, 1, 15 / 11, 19 / 11, 2]
    assert [row["epoch"] for row in history] == pytest.approx(wanted)
    rates = [0.5e-3, 1e-3, 0.8e-3, 0.6e-3, 0.4e-3, 0.2e-3]
    assert [row["learning_rate"] for row in history] == pytest.approx(rates)
    seconds = [row["seconds"] for row in history]
    assert all(b > a > 0 for a, b in pairwise(seconds))
    steps = np.diff([0, *seconds])
    rates = [row["items_per_second"] for row in history]
    assert rates == pytest.approx([n / s for n, s in zip([4, 4, 3] * 2, steps, strict=True)])


def test_order_and_dropout_are_the_streams(scorer, objective, saving):
    """Same stream, same result, whatever was drawn before."""
    torch.manual_seed(1)
    first, _, _ = trajectory(scorer("gpt2", resid_pdrop=0.1), objective("sft"), saving)
    torch.manual_seed(2)
    again, _, _ = trajectory(scorer("gpt2", resid_pdrop=0.1), objective("sft"), saving)
    other = scorer("gpt2", resid_pdrop=0.1)
    fit(other, objective("sft"), training(), ("model", 1), saving)
    different = dict(other.model.named_parameters())
    assert all(first[name].equal(again[name]) for name in first)
    assert not any(first[name].equal(different[name]) for name in first)


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_step_of_adapters_changes_nothing_else(scorer, objective, saving, family):
    watched = scorer(family, tune=Lora(rank=2))
    before = {name: p.detach().clone() for name, p in watched.model.named_parameters()}
    fit(watched, objective("sft"), training(**ONE_STEP, weight_decay=0), STREAM, saving)
    changed = {n for n, p in watched.model.named_parameters() if not p.equal(before[n])}
    assert changed == {name for name in before if ".lora_B" in name}  # A has no gradient at B = 0
    trajectory(watched, objective("sft"), saving)
    changed = {n for n, p in watched.model.named_parameters() if not p.equal(before[n])}
    assert changed == {name for name in before if ".lora_" in name}


# memory


DROPOUT = {"gpt2": {"resid_pdrop": 0.1}, "t5": {"dropout_rate": 0.1}}


@pytest.mark.parametrize("family", DROPOUT)
def test_out_of_memory_ends_as_a_run_with_smaller_rows_from_that_step_on(
    scorer, objective, saving, large_rows, caplog, family
):
    """To the last bit, with dropout: no gradient of a failed attempt is left, no number drawn."""
    goal = objective("realm", freeze_epochs=1)
    changes = DROPOUT[family]
    tight = scorer(family, watch=large_rows(2), **changes)
    with caplog.at_level(logging.WARNING):
        found = trajectory(tight, goal, saving)
    assert tight.row_tokens < 40
    assert f"rows of {tight.row_tokens} tokens from here on: CUDA out" in caplog.text

    small = scorer(family, tight.row_tokens, **changes)
    wanted = trajectory(small, goal, saving)
    assert len(small.watch.calls) < len(tight.watch.calls)
    assert all(found[0][name].equal(wanted[0][name]) for name in wanted[0])
    assert found[1]["omega"].equal(wanted[1]["omega"])
    assert found[2] == wanted[2]
    # the steps have as many items as ever
    steps = [call for call in tight.watch.calls if len(call) in (3, 4)]
    assert steps[-9:] == small.watch.calls


def test_out_of_memory_with_one_item_in_a_row(scorer, objective, saving, large_rows):
    def refuse(loss):
        def refused(*args):
            raise torch.OutOfMemoryError("CUDA out of memory")

        return refused

    watched = scorer(row_tokens=64)
    with pytest.raises(MemoryError, match=r"one item in a row \(row_tokens 4\): CUDA out of"):
        fit(watched, broken(objective("sft"), refuse), training(), STREAM, saving)
    rows = [len(call) for call in watched.watch.calls]
    assert rows == [4] * 5  # 64, 32, 16, 8, 4: the shortest item has four tokens


def test_predictions_out_of_memory(scorer, large_rows):
    numbers = np.array([7, 2, 11, 0, 5])
    tight = scorer(watch=large_rows(1))
    found = predict(tight, numbers, 4, "fp32")
    assert tight.row_tokens < 20
    torch.testing.assert_close(found, predict(scorer(), numbers, 4, "fp32"))


# what goes wrong


def broken(goal, loss):
    """The same goal with another loss."""
    method = SimpleNamespace(**vars(goal.method))
    method.loss = loss(goal.method.loss)
    return replace(goal, method=method)


@pytest.mark.parametrize(
    "loss",
    [
        lambda loss: lambda *a: loss(*a) * math.nan,
        lambda loss: lambda *a: loss(*a) + math.inf,
        lambda loss: lambda *a: (loss(*a) - loss(*a)).sqrt(),  # 0, but its gradient is not finite
    ],
    ids=["nan", "infinite", "gradient"],
)
@pytest.mark.parametrize("kind", ["sft", "realm"])
def test_a_loss_or_gradient_that_is_not_finite(scorer, objective, saving, kind, loss):
    with pytest.raises(DivergedError, match="at step 1"):
        fit(scorer(), broken(objective(kind), loss), training(), STREAM, saving)


def test_a_gradient_of_the_methods_own_that_is_not_finite(scorer, objective, saving):
    def spoiled(loss):
        return lambda log_p, rows, extra, settings: (
            loss(log_p, rows, extra, settings) + (0 * extra["omega"].sum()).sqrt()
        )

    with pytest.raises(DivergedError, match="at step 1"):
        fit(scorer(), broken(objective("realm"), spoiled), training(), STREAM, saving)


def test_a_learning_rate_beyond_all_bounds(scorer, objective, saving):
    with pytest.raises(DivergedError, match="at step 2"):
        fit(scorer(), objective("sft"), training(lr=1e30), STREAM, saving)


# predictions


def test_predictions_are_the_restricted_softmax_of_the_plain_scores(scorer):
    watched = scorer(row_tokens=30)
    watched.model.train()
    numbers = np.array([7, 2, 11])
    log_p = predict(watched, numbers, 4, "fp32")
    assert not watched.model.training
    assert log_p.shape == (3, 4)
    assert not log_p.requires_grad
    for number, row in zip(numbers, log_p, strict=True):
        item = watched.items[number]
        wanted = plain_scores(watched.model, item, "sum").detach().log_softmax(-1)
        torch.testing.assert_close(row[: len(wanted)], wanted, rtol=0, atol=1e-4)
        assert row[len(wanted) :].eq(-torch.inf).all()


def test_predictions_that_are_not_numbers(scorer):
    """As after a last step that went too far."""
    watched = scorer()
    with torch.no_grad():
        watched.model.model.norm.weight.fill_(math.inf)
    with pytest.raises(DivergedError, match="predictions"):
        predict(watched, np.arange(3), 4, "fp32")


def test_predictions_come_in_the_order_asked(scorer):
    """Whatever the order in which items are scored: T5 takes the longest first."""
    watched = scorer("t5", row_tokens=16)
    numbers = np.array([0, 7, 2, 11, 5, 1])
    log_p = predict(watched, numbers, 4, "fp32")
    assert len(watched.watch.calls) == 1
    for number, row in zip(numbers, log_p, strict=True):
        torch.testing.assert_close(row, predict(watched, np.array([number]), 4, "fp32")[0])
