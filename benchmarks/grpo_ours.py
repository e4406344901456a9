"""SHALA-LLM's steps with annobench: our side of `grpo.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from annobench.methods import shala
from annobench.models.decoder import DecoderScorer
from annobench.models.learner import policy_model
from annobench.models.loading import load_tokenizer
from annobench.models.settings import Model, TopLayers
from annobench.models.tokens import TokenItem, prompt_tokens
from annobench.training.loop import Checkpointing
from annobench.training.policy import Policy, Prompts, Rollouts, reinforce
from annobench.training.settings import Training

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from grpo_peer import Asked


@dataclass(frozen=True)
class Noting(Policy):
    """A policy that keeps what it said."""

    said: list[list[str]] = field(default_factory=list)

    def rollouts(self, numbers: np.ndarray, rng: np.random.Generator) -> Rollouts:
        drawn = super().rollouts(numbers, rng)
        texts = [list(text) for item in drawn.items for text in item.options]
        self.said.append(self.tokenizer.batch_decode(texts, skip_special_tokens=True))
        return drawn


def ours(given: Asked, folder: Path) -> tuple[list[float], list[list[str]]]:
    """Seconds at which each step ended, and the rollouts' texts of each step."""
    model = Model(source="path:benchmark", tune=TopLayers(layers=given.layers))
    whole, _ = policy_model(given.model, model, given.precision)
    tokenizer = load_tokenizer(given.model)
    tokens = [prompt_tokens(tokenizer, prompt, False) for prompt in given.prompts]
    items = [TokenItem("", prompt, ((0,),)) for prompt in tokens]
    policy = Noting(
        DecoderScorer(whole, items, "sum", 8192, whole.device),
        tokenizer,
        Prompts(tokens, given.options, given.human),
        shala,
        shala.Settings(
            ambiguity=given.strength,
            group=given.group,
            temperature=given.temperature,
            clip=given.clip,
            kl=given.kl,
            format_bonus=given.format_bonus,
        ),
        given.precision,
        given.new_tokens,
        given.per_step * given.group,
    )
    training = Training(
        epochs=1,
        items_per_batch=given.per_step,
        lr=given.lr,
        weight_decay=0,
        precision=given.precision,
    )
    saving = Checkpointing(folder / "checkpoint.safetensors", math.inf, "")
    history = reinforce(policy, training, ("benchmark",), saving)
    return [row["seconds"] for row in history], policy.said
