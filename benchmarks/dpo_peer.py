"""DPO with TRL's DPOTrainer as it is: the peer of `dpo.py`.

What a careful user of TRL would write: an example for each comparison, the reference's likelihoods
computed once before training, batches padded to their longest text. The tokens are given ready
made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from trainer_peer import Clock, freeze
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer

from annobench.models.settings import TopLayers
from annobench.training.precision import pick_device, used

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from annobench.models.tokens import TokenItem


@dataclass(frozen=True)
class Asked:
    """What all sides are given."""

    model: Path
    tokens: list[TokenItem]
    """The pairs, in the order of the data."""
    labels: Sequence[Sequence[int]]
    """[pairs, C] which response each of C users chose."""
    per_step: int
    """Pairs, with all their comparisons."""
    layers: int
    """The top ones, which are trained."""
    precision: str
    lr: float = 1e-5
    beta: float = 0.1


class Tokenized(DPOTrainer):
    """Takes token ids as they are."""

    def _prepare_dataset(self, dataset: Dataset, *args: Any) -> Dataset:
        return dataset


def trl(given: Asked, folder: Path) -> tuple[list[float], int]:
    """Seconds at which each step ended, and how many parameters were trained."""
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32)
    freeze(model, TopLayers(layers=given.layers))
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    rows = [
        {
            "prompt_ids": list(item.prompt),
            "chosen_ids": list(item.options[label]),
            "rejected_ids": list(item.options[1 - label]),
        }
        for item, own in zip(given.tokens, given.labels, strict=True)
        for label in own
    ]
    clock = Clock()
    peer = Tokenized(
        model,
        args=arguments(given, folder),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[clock],
    )
    clock.begun = time.perf_counter()
    peer.train()
    return clock.ends, sum(p.numel() for p in model.parameters() if p.requires_grad)


def arguments(given: Asked, folder: Path) -> DPOConfig:
    """As many comparisons a step as the others take; nothing is logged or saved."""
    return DPOConfig(
        output_dir=str(folder),
        beta=given.beta,
        per_device_train_batch_size=given.per_step * len(given.labels[0]),
        num_train_epochs=1,
        learning_rate=given.lr,
        precompute_ref_log_probs=True,
        max_length=None,
        bf16=used(given.precision, pick_device()) == "bf16",
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
