"""Prompts and the responses to them, as tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from annobench.models.tokens import TokenItem, ended_tokens, prompt_tokens, turn_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def request_tokens(
    tokenizer: "PreTrainedTokenizerBase", prompt: str, template: str, encoder_decoder: bool
) -> tuple[int, ...]:
    """A prompt as a turn of the tokenizer's chat; without one, in the template."""
    if tokenizer.chat_template:
        return turn_tokens(tokenizer, prompt)
    return prompt_tokens(tokenizer, template.replace("{prompt}", prompt), encoder_decoder)


def pair_tokens(
    tokenizer: "PreTrainedTokenizerBase",
    item: str,
    prompt: str,
    responses: Sequence[str],
    template: str,
    encoder_decoder: bool,
) -> TokenItem:
    """A prompt and the responses to it, the end of the text behind each."""
    space = "" if tokenizer.chat_template or encoder_decoder else " "
    texts = tuple(ended_tokens(tokenizer, f"{space}{text}") for text in responses)
    start = request_tokens(tokenizer, prompt, template, encoder_decoder)
    return TokenItem(item, start, texts)
