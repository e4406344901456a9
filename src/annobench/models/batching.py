"""Texts in batches of like length."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def longest_text(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """Most tokens of a text that both can take."""
    most = tokenizer.model_max_length
    return min(most, getattr(model.config, "max_position_embeddings", most))


def by_length(texts: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """Numbers of the texts that have tokens, the longest first: as many together as have `most`
    tokens with their padding, one at least."""
    left = sorted((n for n in range(len(texts)) if texts[n]), key=lambda n: -len(texts[n]))
    while left:
        size = max(1, most // len(texts[left[0]]))
        batch, left = left[:size], left[size:]
        yield batch
