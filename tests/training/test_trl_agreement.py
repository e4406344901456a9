"""TRL's GRPO as the peer: its loss is ours, and it takes advantages as they are."""

import copy

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from annobench.models.decoder import DecoderScorer
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.tokens import TokenItem
from annobench.rewards import advantages
from annobench.training import policy

PROMPTS = [[4, 9, 12], [4, 9, 12], [13, 5, 6, 7, 8], [13, 5, 6, 7, 8]]
COMPLETIONS = [[20, 21, 1], [22, 1], [30, 31, 32, 33], [34]]
ADVANTAGES = [0.75, -0.75, 1.5, -1.5]


def grpo_trainer(folder, model, out, reward=None, **settings):
    """TRL's trainer of a copy of `model`, which it patches; `folder` holds a model of that shape,
    from which TRL reads its reference."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    copied = copy.deepcopy(model)
    copied.config._name_or_path = str(folder)
    default = {"num_generations": 2, "per_device_train_batch_size": 4, "scale_rewards": "none"}
    arguments = GRPOConfig(
        output_dir=str(out),
        **(default | settings),
        loss_type="grpo",
        use_bias_correction_kl=False,  # which TRL's default multiplies by the ratio
        shuffle_dataset=False,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    prompts = ["which colour is the ball ?", "is the cat red ?"]
    return GRPOTrainer(
        copied,
        reward or (lambda completions, **_: [0.0] * len(completions)),
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=load_tokenizer(folder),
    )


def trl_loss(folder, out, model, reference, prompts, completions, advantages, old=None, **settings):
    """TRL's loss of rollouts, and its gradient by the name of each trained parameter.

    B rollouts: token ids of `prompts` and `completions`, `advantages` [B]; `old`, the log
    probabilities under the policy that drew them [B, T], T tokens in the longest completion, is
    the model's own if None. TRL averages over a rollout's tokens and then over rollouts.
    `settings` are TRL's: epsilon (clip), beta (KL), temperature.
    """
    trainer = grpo_trainer(folder, model, out, **settings)
    peer = trainer.model.eval()  # no dropout; TRL then divides by no accumulation steps
    inputs = {"advantages": torch.tensor(advantages)}
    for name, rows, side in (("prompt", prompts, "left"), ("completion", completions, "right")):
        rows = [torch.tensor(row) for row in rows]
        inputs[f"{name}_ids"] = pad_sequence(rows, True, padding_side=side)
        ones = [torch.ones_like(row) for row in rows]
        inputs[f"{name}_mask"] = pad_sequence(ones, True, padding_side=side)
    if old is not None:
        inputs["old_per_token_logps"] = old
    if trainer.ref_model is not None:
        trainer.ref_model.load_state_dict(reference.state_dict())
        with torch.no_grad():
            inputs["ref_per_token_logps"] = log_probabilities(trainer, trainer.ref_model, inputs)
    loss = trainer._compute_loss(peer, inputs)
    loss.backward()
    return loss.item(), {name: p.grad for name, p in peer.named_parameters() if p.grad is not None}


def log_probabilities(trainer, model, inputs):
    """TRL's own [B, T] of the completions' tokens."""
    whole, mask = (
        torch.cat([inputs[f"prompt_{part}"], inputs[f"completion_{part}"]], 1)
        for part in ("ids", "mask")
    )
    length = inputs["completion_ids"].shape[1]
    return trainer._get_per_token_logps_and_entropies(model, whole, mask, length)[0]


@pytest.fixture
def models(saved):
    """The folder of a tiny model, the model, and a reference that is not far from it."""
    folder = saved("llama")
    model = load_model(folder)
    reference = copy.deepcopy(model)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for parameter in reference.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return folder, model, reference


def packed_log_p(model, temperature):
    """Ours, [tokens]: the rollouts of a prompt behind it in one row."""
    items = [
        TokenItem("", tuple(PROMPTS[n]), tuple(map(tuple, COMPLETIONS[n : n + 2]))) for n in (0, 2)
    ]
    scorer = DecoderScorer(model, items, "sum", 100, model.device)
    return torch.cat([log_p for _, log_p in scorer.answers(np.arange(2), temperature)])


@pytest.mark.parametrize(("beta", "temperature"), [(0.04, 1.0), (0.0, 0.7)])
def test_our_loss_and_gradients_are_trls(models, tmp_path, beta, temperature):
    folder, model, reference = models
    log_p = packed_log_p(model, temperature)
    lengths = torch.tensor([len(completion) for completion in COMPLETIONS])
    with torch.random.fork_rng():
        torch.manual_seed(1)
        old = log_p.detach() + 0.3 * torch.randn(len(log_p))
    with torch.no_grad():
        known = packed_log_p(reference, temperature) if beta else None
    advantage = torch.tensor(ADVANTAGES).repeat_interleave(lengths)
    share = (1 / (4 * lengths)).repeat_interleave(lengths)
    wanted, _ = policy.loss(log_p, old, known, advantage, share, 0.2, beta)
    wanted.backward()
    loss, gradients = trl_loss(
        *(folder, tmp_path, model, reference, PROMPTS, COMPLETIONS, ADVANTAGES),
        pad_sequence(list(old.split(lengths.tolist())), True),
        epsilon=0.2,
        beta=beta,
        temperature=temperature,
    )
    assert ((log_p - old).exp() - 1).abs().max() > 0.2
    assert loss == pytest.approx(wanted.item(), abs=1e-6)
    own = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert own.keys() == gradients.keys()
    for name, gradient in own.items():
        torch.testing.assert_close(gradients[name], gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("scale", ["none", "group"])
def test_only_without_its_own_scale_trl_keeps_a_weight(models, tmp_path, scale):
    """Rewards that are weighted advantages sum to 0 in each group, so TRL's centring leaves them;
    its division by std takes the weights out."""
    folder, model, _ = models
    plain = advantages(np.array([[0.1, 0.4, 0.7, 1.1], [0.0, 1.1, 1.1, 1.0]]), std=True)
    weighted = (np.array([[1.0], [1.9]]) * plain).ravel()
    trainer = grpo_trainer(
        *(folder, model, tmp_path, lambda completions, **_: weighted.tolist()),
        num_generations=4,
        per_device_train_batch_size=8,
        max_steps=1,
        max_completion_length=3,
        scale_rewards=scale,
    )
    trainer.train()
    taken = list(trainer._logs["advantages"])
    assert len(taken) == 8
    wanted = weighted if scale == "none" else plain.ravel()
    np.testing.assert_allclose(taken, wanted, rtol=1e-3)
    assert np.abs(weighted - plain.ravel()).max() > 0.1
