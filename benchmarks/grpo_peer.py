"""SHALA-LLM's steps with TRL's GRPOTrainer: the peer of `grpo.py`.

What a careful user of TRL would write. TRL has no weight of a prompt behind its normalisation, so
the reward function returns weighted advantages and TRL does not scale: they sum to 0 in each group,
and its centring leaves them as they are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from datasets import Dataset
from trainer_peer import Clock, freeze
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from annobench.models.settings import TopLayers
from annobench.percentages import read
from annobench.rewards import advantages, ambiguity_weight, rewards
from annobench.training.precision import pick_device, used

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """What both sides are given."""

    model: Path
    prompts: Sequence[str]
    """In the order of the steps, each once."""
    options: Sequence[Sequence[str]]
    human: np.ndarray
    """People's distributions [prompts, K]; every prompt has K options."""
    per_step: int
    """Prompts."""
    group: int
    """Rollouts of each prompt."""
    new_tokens: int
    layers: int
    """The top ones, which are trained."""
    precision: str
    lr: float = 1e-5
    clip: float = 0.2
    kl: float = 0.04
    temperature: float = 1.0
    format_bonus: float = 0.1
    strength: float = 1.0
    """lambda of the weight of ambiguous items."""


def weighted_advantages(
    said: Sequence[str], options: Sequence[Sequence[str]], human: np.ndarray, given: Asked
) -> np.ndarray:
    """[n] of n rollouts' texts, their items' options and people's distributions [n, K]; the
    rollouts of a prompt stand together."""
    n, K = human.shape
    unread = [np.nan] * K
    read_out = [read(text, own) or unread for text, own in zip(said, options, strict=True)]
    sizes = np.full(n, K)
    earned = rewards(np.array(read_out), human, sizes, "jsd-distance", given.format_bonus).reshape(
        -1, given.group
    )
    first = slice(None, None, given.group)
    weight = ambiguity_weight(human[first], sizes[first], given.strength)
    weighted: np.ndarray = (weight[:, None] * advantages(earned, std=True)).ravel()
    return weighted


def arguments(given: Asked, folder: Path) -> GRPOConfig:
    """One optimizer step for each batch of rollouts; nothing is logged or saved."""
    return GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=given.per_step * given.group,
        num_generations=given.group,
        max_completion_length=given.new_tokens,
        max_steps=len(given.prompts) // given.per_step,
        shuffle_dataset=False,
        temperature=given.temperature,
        top_p=1.0,
        top_k=0,
        learning_rate=given.lr,
        loss_type="grpo",
        scale_rewards="none",
        epsilon=given.clip,
        beta=given.kl,
        use_bias_correction_kl=False,
        bf16=used(given.precision, pick_device()) == "bf16",
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def trl(given: Asked, folder: Path) -> tuple[list[float], list[list[str]]]:
    """Seconds at which each step ended, and the rollouts' texts of each step."""
    said: list[list[str]] = []

    def reward(
        completions: list[str], human: list[Any], options: list[Any], **_: Any
    ) -> list[float]:
        said.append(completions)
        found: list[float] = weighted_advantages(
            completions, options, np.array(human), given
        ).tolist()
        return found

    clock = Clock()
    peer = trainer(given, folder, reward, clock)
    clock.begun = time.perf_counter()
    peer.train()
    return clock.ends, said


def trainer(
    given: Asked, folder: Path, reward: Callable[..., list[float]], clock: Clock
) -> GRPOTrainer:
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32)
    freeze(model, TopLayers(layers=given.layers))
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    rows = {
        "prompt": list(given.prompts),
        "options": [list(options) for options in given.options],
        "human": given.human.tolist(),
    }
    return GRPOTrainer(
        model,
        reward,
        args=arguments(given, folder),
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
        callbacks=[clock],
    )
