"""GRPO: a policy learns from how its own rollouts of one prompt compare (Shao et al. 2024).

    loss = - mean over rollouts of mean over tokens of
               min(ratio A, clip(ratio, 1 - c, 1 + c) A) - beta KL(policy || reference)

with ratio = p(token) / p_old(token), A the rollout's advantage and the KL estimated at each token
as exp(d) - d - 1, d = ln p_reference - ln p (DeepSeekMath, arXiv 2402.03300, eq. 3 and 4).

The G rollouts of a prompt stand behind it in one packed row, as an item's options do, so a prompt
is read once and not G times; and it is generated from once.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from annobench import percentages
from annobench.models.decoder import DecoderScorer
from annobench.models.generating import Said, Writer
from annobench.models.tokens import TokenItem
from annobench.seeds import generator, seed_of
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing, batches, descend
from annobench.training.precision import arithmetic, computed
from annobench.training.settings import Training

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Prompts:
    """What the policy is asked, and what people answer: N items with at most K options."""

    tokens: Sequence[tuple[int, ...]]
    options: Sequence[Sequence[str]]
    human: np.ndarray
    """[N, K]: the people's distributions, 0 beyond an item's own options."""


@dataclass(frozen=True)
class Rollouts:
    """Sampled texts of P items, G of each, flat: T tokens item by item, rollout by rollout."""

    items: list[TokenItem]
    """Each prompt with its rollouts as options."""
    advantage: Tensor
    """[T]"""
    token_weight: Tensor
    """[T]: what a token counts, 1 / (P G tokens of its rollout)."""
    reward: float
    """Their mean."""
    parsed: float
    """The share that could be read as a distribution."""
    seconds: float


def loss(
    log_p: Tensor,
    old: Tensor,
    reference: Tensor | None,
    advantage: Tensor,
    token_weight: Tensor,
    clip: float,
    kl: float,
) -> tuple[Tensor, Tensor]:
    """The formula above, and the KL in it, over T tokens of rollouts.

    log_p, old and reference: [T] log-probabilities under the policy, the one that drew the
    rollouts, and the reference; without reference the KL is unknown, NaN. advantage: [T].
    token_weight: [T], what a token counts: 1 / (rollouts times the tokens of its own).
    """
    ratio = (log_p - old).exp()
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    cost = -(token_weight * gain).sum()
    if reference is None:
        return cost, torch.full((), torch.nan)
    log_ratio = reference - log_p
    estimate = (token_weight * (log_ratio.exp() - log_ratio - 1)).sum()
    return cost + kl * estimate, estimate.detach()


@dataclass(frozen=True)
class Policy:
    """A whole decoder-only model that writes, and whose rollouts are rewarded."""

    scorer: DecoderScorer
    """Over the whole model; it scores whatever rollouts it is given."""
    tokenizer: "PreTrainedTokenizerBase"
    prompts: Prompts
    method: ModuleType
    """A method with rollouts, such as `methods.shala`."""
    settings: Any
    """Its settings, with the keys of `methods.shala.Settings`."""
    precision: str
    tokens: int
    """Most tokens of a rollout."""
    side_by_side: int
    """How many rollouts are sampled at a time; all of an item are, and fewer where memory does not
    suffice."""

    def rollouts(self, numbers: np.ndarray, rng: np.random.Generator) -> Rollouts:
        """Sample, read and reward the rollouts of these items [P]."""
        begun = time.perf_counter()
        G = self.settings.group
        prompts = [self.prompts.tokens[number] for number in numbers]
        draws = rng.random((len(prompts) * G, self.tokens))
        said = self._sampled(prompts, draws)
        human = self.prompts.human[numbers]
        options = np.array([len(self.prompts.options[number]) for number in numbers])
        read = [
            percentages.read(one.text, self.prompts.options[number])
            for one, number in zip(said, numbers.repeat(G), strict=True)
        ]
        found = np.full((len(said), human.shape[1]), np.nan)
        for row, shares in zip(found, read, strict=True):
            if shares is not None:
                row[:] = 0
                row[: len(shares)] = shares
        rewards = self.method.reward(
            found, human.repeat(G, 0), options.repeat(G), self.settings
        ).reshape(-1, G)
        advantage = self.method.advantage(rewards, human, options, self.settings)
        lengths = np.array([len(one.tokens) for one in said])
        texts = [tuple(one.tokens for one in said[n : n + G]) for n in range(0, len(said), G)]
        return Rollouts(
            [TokenItem("", *pair) for pair in zip(prompts, texts, strict=True)],
            torch.tensor(advantage.ravel().repeat(lengths), dtype=torch.float32),
            torch.tensor((1 / (len(said) * lengths)).repeat(lengths), dtype=torch.float32),
            float(rewards.mean()),
            float(np.mean([shares is not None for shares in read])),
            time.perf_counter() - begun,
        )

    def _sampled(self, prompts: Sequence[tuple[int, ...]], draws: np.ndarray) -> list[Said]:
        model: Any = self.scorer.model
        model.eval()
        writer = Writer(model, self.tokenizer, self.tokens, temperature=self.settings.temperature)
        with arithmetic(self.scorer.device, self.precision):
            said = writer.write(prompts, draws, self.side_by_side, self.settings.group)
        model.train()
        return said

    def log_p(self, rollouts: Rollouts) -> Iterator[Tensor]:
        """Of the rollouts' tokens, packed row by packed row, at the temperature of sampling."""
        scorer = replace(self.scorer, items=rollouts.items)
        rows = scorer.answers(np.arange(len(rollouts.items)), self.settings.temperature)
        for _, log_p in computed(rows, scorer.device, self.precision):
            yield log_p


@dataclass
class _Batch:
    """Rollouts, and what the policy that drew them and the reference make of their tokens [T]."""

    number: int
    rollouts: Rollouts
    reference: Tensor | None
    old: Tensor | None = None


def reinforce(
    policy: Policy, training: Training, stream: tuple[str | int, ...], saving: Checkpointing
) -> list[dict[str, float]]:
    """Train the policy; continue from the checkpoint if it fits.

    `stream` names what the order of items and the rollouts may depend on. Returns one row of
    `tables.HISTORY` for each optimizer step, with `rollout_seconds` and `rollouts` beside it.

    Raises:
        DivergedError: the loss or the gradient is NaN or infinite.
        MemoryError: a step does not fit with one item in a row.
    """
    settings, parameters = policy.settings, trained(policy.scorer.model)
    torch.manual_seed(seed_of("dropout", *stream))
    start = {n: p.detach().clone() for n, p in parameters.items()} if settings.kl else {}
    batch: _Batch | None = None

    def gradients(step: int, numbers: np.ndarray) -> dict[str, float]:
        nonlocal batch
        number, again = divmod(step, settings.updates)
        if batch is None or batch.number != number:
            rollouts = policy.rollouts(numbers, generator("rollouts", *stream, number))
            reference = None
            if start:
                with torch.no_grad(), _standing_in(parameters, start):
                    reference = torch.cat(list(policy.log_p(rollouts)))
            batch = _Batch(number, rollouts, reference)
        cost, kl, old = _backward(policy, batch)
        batch.old = batch.old if again else old
        return {
            "loss": cost,
            "reward": batch.rollouts.reward,
            "parsed": batch.rollouts.parsed,
            "kl": kl,
            "rollout_seconds": 0.0 if again else batch.rollouts.seconds,
            "rollouts": 0 if again else len(numbers) * settings.group,
        }

    items = np.arange(len(policy.prompts.tokens))
    plan = [step for step in batches(items, training, stream) for _ in range(settings.updates)]
    return descend(
        policy.scorer, gradients, plan, len(items), training, saving, save_every=settings.updates
    )


def _backward(policy: Policy, batch: _Batch) -> tuple[float, float, Tensor]:
    """Gradients of the loss; returns it, the KL, and the tokens' log-probabilities [T]."""
    seen: list[Tensor] = []
    total = kl = 0.0
    start = 0
    device = policy.scorer.device
    for log_p in policy.log_p(batch.rollouts):
        here = slice(start, start + len(log_p))
        start = here.stop
        old = log_p.detach() if batch.old is None else batch.old[here]
        seen.append(log_p.detach())
        cost, estimate = loss(
            log_p,
            old,
            None if batch.reference is None else batch.reference[here],
            batch.rollouts.advantage[here].to(device),
            batch.rollouts.token_weight[here].to(device),
            policy.settings.clip,
            policy.settings.kl,
        )
        cost.backward()  # type: ignore[no-untyped-call]
        total += cost.item()
        kl += estimate.item()
    return total, kl, torch.cat(seen)


@contextmanager
def _standing_in(
    parameters: Mapping[str, Parameter], values: Mapping[str, Tensor]
) -> Iterator[None]:
    """These values in the place of the parameters' own."""
    own = {name: parameter.data for name, parameter in parameters.items()}
    try:
        for name, parameter in parameters.items():
            parameter.data = values[name]
        yield
    finally:
        for name, parameter in parameters.items():
            parameter.data = own[name]
