"""GRPO by hand-made rollouts, against TRL's, and as a run that can be interrupted."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from annobench.distances import jsd_divergence
from annobench.methods import shala
from annobench.models.decoder import DecoderScorer
from annobench.models.generating import Said
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.tokens import TokenItem
from annobench.models.tuning import recompute_activations
from annobench.seeds import generator
from annobench.training import policy as module
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing
from annobench.training.policy import Policy, Prompts, loss, reinforce
from annobench.training.settings import Training

PROMPTS = ((4, 9, 12), (13, 5, 6, 7, 8), (4, 9, 13))
OPTIONS = (("red", "blue"), ("yes", "no"), ("red", "blue"))
HUMAN = np.array([[0.9, 0.1], [0.5, 0.5], [0.0, 1.0]])


def test_the_first_step_follows_the_advantage_and_no_more():
    """On the policy's own rollouts the ratio is 1, so the gradient is - share A."""
    log_p = torch.tensor([-1.0, -2.0, -0.5], requires_grad=True)
    advantage, share = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.25, 0.25, 0.5])
    cost, apart = loss(log_p, log_p.detach(), None, advantage, share, 0.2, 0.0)
    cost.backward()
    torch.testing.assert_close(log_p.grad, -share * advantage)
    assert cost.item() == pytest.approx(-(2 * 0.25 - 0.25 + 0.25))
    assert apart.isnan()


def test_what_has_gone_too_far_is_not_followed():
    old = torch.zeros(4)
    log_p = torch.tensor([0.5, -0.5, 0.5, -0.5], requires_grad=True)  # ratios 1.65 and 0.61
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0])
    loss(log_p, old, None, advantage, torch.ones(4), 0.2, 0.0)[0].backward()
    assert (log_p.grad == 0).tolist() == [True, False, False, True]


def test_the_kl_pulls_towards_the_reference():
    log_p = torch.tensor([-1.0, -1.0, -1.0], requires_grad=True)
    reference = torch.tensor([-1.0, -0.5, -2.0])
    zero, share = torch.zeros(3), torch.full((3,), 1 / 3)
    cost, apart = loss(log_p, log_p.detach(), reference, zero, share, 0.2, 0.1)
    cost.backward()
    wanted = np.mean([0, np.exp(0.5) - 1.5, np.exp(-1)])
    assert apart.item() == pytest.approx(wanted, rel=1e-5)
    assert cost.item() == pytest.approx(0.1 * wanted, rel=1e-5)
    assert np.sign(log_p.grad.numpy()).tolist() == [0, -1, 1]


@pytest.fixture
def make(saved):
    """make(settings): a policy over a tiny random model."""

    def policy(row_tokens=1000, tune=1, **settings):
        folder = saved("llama")
        whole = load_model(folder).requires_grad_(False)
        for layer in whole.model.layers[-tune:]:
            layer.requires_grad_(True)
        items = [TokenItem("", prompt, ((20,),)) for prompt in PROMPTS]
        scorer = DecoderScorer(whole, items, "sum", row_tokens, whole.device)
        own = shala.Settings(**({"group": 4} | settings))
        prompts = Prompts(PROMPTS, OPTIONS, HUMAN)
        tokenizer = load_tokenizer(folder)
        return Policy(scorer, tokenizer, prompts, shala, own, "fp32", 6, 8)

    return policy


@pytest.fixture
def readable(monkeypatch):
    """A random model writes no percentages: here a text says as much as it has letters."""
    said = lambda text, options: [len(text) % 7 / 6, 1 - len(text) % 7 / 6]  # noqa: E731
    monkeypatch.setattr(module, "percentages", SimpleNamespace(read=said))


@torch.no_grad()
def test_rollouts_are_scored_as_they_were_written(make):
    """Read once and generated from side by side, or one after the other without a cache."""
    policy = make()
    drawn = policy.rollouts(np.arange(3), generator("test"))
    found = torch.cat(list(policy.log_p(drawn)))
    plain = []
    for item in drawn.items:
        assert len(item.options) == 4
        for text in item.options:
            whole = torch.tensor([[*item.prompt, *text]])
            log_p = policy.scorer.model(whole).logits[0, len(item.prompt) - 1 : -1].log_softmax(-1)
            plain.append(log_p.gather(1, torch.tensor(text)[:, None])[:, 0])
    torch.testing.assert_close(found, torch.cat(plain), atol=1e-5, rtol=1e-5)
    lengths = torch.tensor([len(text) for item in drawn.items for text in item.options])
    torch.testing.assert_close(drawn.token_weight.sum(), torch.tensor(1.0))
    assert len(drawn.token_weight) == len(drawn.advantage) == lengths.sum()


def test_a_prompt_that_is_read_once_is_gone_on_with_as_if_it_stood_alone(make):
    from annobench.models.generating import Writer

    policy = make()
    writer = Writer(policy.scorer.model.eval(), policy.tokenizer, 6)
    draws = generator("test").random((6, 6))
    together = writer.generate(PROMPTS, draws, copies=2)
    alone = [writer.generate([PROMPTS[n // 2]], draws[n : n + 1])[0] for n in range(6)]
    assert [one.tokens for one in together] == [one.tokens for one in alone]


def test_what_cannot_be_read_earns_nothing(make):
    drawn = make().rollouts(np.arange(3), generator("test"))
    assert (drawn.parsed, drawn.reward) == (0, 0)
    assert (drawn.advantage == 0).all()


class Scripted(Policy):
    """A policy that says what it is told to."""

    def _sampled(self, prompts, draws):
        texts = ["[90,10]", "Sure: [10, 90]", "no idea", '{"red":50,"blue":50}'] * len(prompts)
        return [Said(text, (0.0,), tuple(range(4, 5 + n))) for n, text in enumerate(texts)]


def test_texts_are_read_as_distributions_over_their_own_items_options(make):
    policy = make(format_bonus=0.5, reward="jsd-divergence", ambiguity=0.0)
    human = np.array([[0.9, 0.1, 0], [0.5, 0.5, 0], [0, 0, 1.0]])
    options = (("red", "blue"), ("red", "blue"), ("red", "blue", "green"))
    prompts = Prompts(PROMPTS, options, human)
    scripted = Scripted(**vars(policy) | {"prompts": prompts})
    drawn = scripted.rollouts(np.array([0, 1]), generator("test"))
    said = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
    near = 1 - jsd_divergence(said[None], human[:2, None, :2])  # [2, 3]
    rewards = np.insert(near + 0.5, 2, 0.0, axis=1)
    assert drawn.parsed == 0.75
    assert drawn.reward == pytest.approx(rewards.mean())
    spread = rewards.std(1, ddof=1, keepdims=True) + 1e-4
    wanted = ((rewards - rewards.mean(1, keepdims=True)) / spread).ravel()
    lengths = np.arange(1, 9)
    np.testing.assert_allclose(drawn.advantage, wanted.repeat(lengths), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(drawn.token_weight, (1 / (8 * lengths)).repeat(lengths), rtol=1e-6)
    # Three options: none of these texts is about them.
    assert scripted.rollouts(np.array([2]), generator("test")).parsed == 0


def test_contested_items_weigh_more_but_only_after_the_normalisation(make, readable):
    plain, weighted = (
        make(ambiguity=strength).rollouts(np.arange(3), generator("test")).advantage
        for strength in (0.0, 1.0)
    )
    ratio = (weighted / plain)[plain != 0].unique()
    entropies = [-(p[p > 0] * np.log2(p[p > 0])).sum() for p in HUMAN]
    np.testing.assert_allclose(sorted(ratio), sorted(1 + h for h in entropies), rtol=1e-5)


def run(policy, folder, seconds=1e9, **training):
    keys = {"epochs": 4, "items_per_batch": 2, "lr": 1e-2, "precision": "fp32"}
    training = Training(**(keys | training))
    saving = Checkpointing(folder / "checkpoint.safetensors", seconds, "recipe")
    return reinforce(policy, training, ("test",), saving), trained(policy.scorer.model)


@pytest.mark.parametrize("settings", [{"kl": 0.0}, {"updates": 2}, {"temperature": 0.7}])
def test_rows_of_any_size_give_one_trajectory(make, readable, tmp_path, one_trajectory, settings):
    """With activations kept or computed again. In bf16 a rollout may be another."""
    thrifty = make(1000, **settings)
    recompute_activations(thrifty.scorer.model)
    whole, small, again = (
        run(policy, tmp_path, lr=1e-3)
        for policy in (make(1000, **settings), make(1, **settings), thrifty)
    )
    for history, learned in (small, again):
        for a, b in zip(history, whole[0], strict=True):
            assert (a["reward"], a["parsed"]) == (b["reward"], b["parsed"])
        one_trajectory(losses_and_numbers(history, learned), losses_and_numbers(*whole))


def losses_and_numbers(history, learned):
    numbers = torch.cat([p.detach().flatten() for p in learned.values()])
    return [row["loss"] for row in history], numbers


@pytest.mark.parametrize("updates", [1, 2])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    make, readable, tmp_path, monkeypatch, updates
):
    whole, wanted = run(make(updates=updates), tmp_path)
    calls = []

    def stop(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return backward(*arguments)

    backward = module._backward
    monkeypatch.setattr(module, "_backward", stop)
    with pytest.raises(KeyboardInterrupt):
        run(make(updates=updates), tmp_path, seconds=0)
    monkeypatch.setattr(module, "_backward", backward)
    resumed, found = run(make(updates=updates), tmp_path, seconds=0)
    assert [row["loss"] for row in resumed] == [row["loss"] for row in whole]
    for name, parameter in wanted.items():
        torch.testing.assert_close(found[name], parameter, atol=0, rtol=0)


def test_the_policy_comes_to_what_is_rewarded(make, tmp_path, monkeypatch):
    """Here a text with a cat in it says what people say, and any other the opposite."""
    said = lambda text, options: [1.0, 0.0] if "cat" in text else [0.0, 1.0]  # noqa: E731
    monkeypatch.setattr(module, "percentages", SimpleNamespace(read=said))
    policy = make(group=16, kl=0.0, tune=3)
    policy = replace(policy, prompts=replace(policy.prompts, human=np.array([[1.0, 0.0]] * 3)))
    history, _ = run(policy, tmp_path, epochs=12, lr=3e-3, schedule="constant")
    rewards = [row["reward"] for row in history]
    assert np.mean(rewards[-4:]) > np.mean(rewards[:4]) + 0.3


def test_the_reference_keeps_the_policy_near(make, readable, tmp_path):
    far, near = (run(make(kl=kl), tmp_path)[0][-1]["kl"] for kl in (1e-6, 5.0))
    assert 0 < near < far


def test_a_batch_is_rolled_out_once(make, readable, tmp_path):
    history, _ = run(make(updates=3), tmp_path)
    assert [row["rollouts"] > 0 for row in history] == [True, False, False] * (len(history) // 3)
    assert len(history) == 3 * 4 * 2
