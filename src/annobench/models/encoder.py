"""Sentences as unit vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from annobench.errors import AnnobenchError, one_line
from annobench.models.batching import by_length, longest_text
from annobench.models.loading import load_tokenizer
from annobench.training.precision import pick_device

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BATCH_TOKENS = 4096
"""Most tokens of a batch of several texts, padding included."""


def embed(folder: Path, texts: Sequence[str], threads: int) -> np.ndarray:
    """[n, D] float32 of unit length: the mean of each text's last hidden states, in fp32 (Reimers
    and Gurevych 2019, Sentence-BERT: mean pooling).

    A text is cut where the encoder's own limit is. Texts of like length share a batch, which
    changes no vector but for rounding. A text of no token is zeros.

    Raises:
        AnnobenchError: the folder holds no encoder and its tokenizer.
    """
    torch.set_num_threads(threads)
    encoder, tokenizer = _loaded(folder)
    limit = longest_text(encoder, tokenizer)
    tokens = [tokenizer(text, truncation=True, max_length=limit).input_ids for text in texts]
    found = np.zeros((len(texts), encoder.config.hidden_size), np.float32)
    for batch in by_length(tokens, BATCH_TOKENS):
        found[batch] = _mean_state(encoder, tokenizer, [tokens[n] for n in batch]).numpy()
    return found


@torch.no_grad()
def _mean_state(
    encoder: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", tokens: list[list[int]]
) -> Tensor:
    """[texts, D] on the CPU."""
    padded = tokenizer.pad({"input_ids": tokens}, return_tensors="pt").to(encoder.device)
    states = encoder(**padded).last_hidden_state
    seen = padded["attention_mask"][..., None]
    return torch.nn.functional.normalize((states * seen).sum(1), dim=-1).cpu()


def _loaded(folder: Path) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    from safetensors import SafetensorError
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        tokenizer = load_tokenizer(folder)
    except (OSError, ValueError, SafetensorError) as error:
        raise _no_encoder(folder, one_line(error)) from error
    encoder, info = loaded
    lacking = sorted(name for name in info["missing_keys"] if not name.startswith("pooler."))
    if lacking:
        raise _no_encoder(folder, f"its weights lack {lacking[0]}")
    if encoder.config.is_encoder_decoder:
        raise _no_encoder(folder, "it is an encoder-decoder model")
    if tokenizer.pad_token_id is None:
        raise _no_encoder(folder, "its tokenizer has no padding token")
    return encoder.eval().to(pick_device()), tokenizer


def _no_encoder(folder: Path, reason: str) -> AnnobenchError:
    return AnnobenchError(
        f"{folder}: found no sentence encoder: {reason}; allowed: a transformers folder of an "
        "encoder such as BERT, with safetensors and its tokenizer"
    )
