"""Reward models: how good a response to a prompt is, by a sequence classifier with one output."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from annobench.errors import AnnobenchError, one_line
from annobench.models.batching import by_length, longest_text
from annobench.models.loading import load_tokenizer
from annobench.training.precision import pick_device

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH_TOKENS = 8192


@torch.no_grad()
def rewards(folder: Path, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
    """[n] the reward of each response; higher is better.

    The two are one conversation in the tokenizer's chat if it has one, else one behind the other.
    A text beyond the model's window loses its end.

    Raises:
        AnnobenchError: there is no model with one output in the folder.
    """
    model, tokenizer = _loaded(folder), load_tokenizer(folder)
    pad = model.config.pad_token_id  # by which the model finds a text's last token
    limit = longest_text(model, tokenizer)
    tokens = [_tokens(tokenizer, *pair)[:limit] for pair in zip(prompts, responses, strict=True)]
    found = np.zeros(len(tokens))
    for batch in by_length(tokens, 0 if pad is None else BATCH_TOKENS):
        ids = [torch.tensor(tokens[number], device=model.device) for number in batch]
        logits = model(
            pad_sequence(ids, batch_first=True, padding_value=0 if pad is None else pad),
            attention_mask=pad_sequence([torch.ones_like(one) for one in ids], batch_first=True),
        ).logits
        found[batch] = logits[:, 0].double().cpu().numpy()
    return found


def _tokens(tokenizer: Any, prompt: str, response: str) -> list[int]:
    if tokenizer.chat_template:
        turns = [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": response},
        ]
        return list(tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False))
    return list(tokenizer(f"{prompt}\n{response}").input_ids)


def _loaded(folder: Path) -> "PreTrainedModel":
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,  # near 8 a bf16 is a multiple of 1/32, and pairs would tie
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise _no_reward_model(folder, one_line(error)) from error
    model, info = loaded
    if info["missing_keys"]:
        raise _no_reward_model(folder, f"its weights lack {sorted(info['missing_keys'])[0]}")
    if model.config.num_labels != 1:
        raise _no_reward_model(folder, f"it has {model.config.num_labels} outputs")
    if model.config.pad_token_id is None:
        model.config.pad_token_id = load_tokenizer(folder).pad_token_id
    found: PreTrainedModel = model.eval().to(pick_device())
    return found


def _no_reward_model(folder: Path, reason: str) -> AnnobenchError:
    return AnnobenchError(
        f"{folder}: found no reward model: {reason}; allowed: a transformers folder of a sequence "
        "classifier with one output, with safetensors and its tokenizer"
    )
