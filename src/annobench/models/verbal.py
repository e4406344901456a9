"""Distributions that a model writes down: how it is asked, and how the answer reads as tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from annobench.models.settings import Model, Verbal
from annobench.models.tokens import ended_tokens, prompt_tokens, turn_tokens, written
from annobench.percentages import request
from annobench.percentages import written as in_percentages
from annobench.questions import Question

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def prompt_of(
    tokenizer: "PreTrainedTokenizerBase",
    prompt: str,
    options: Sequence[str],
    model: Model,
    verbal: Verbal,
    encoder_decoder: bool,
) -> tuple[int, ...]:
    """An item's question as tokens, in a turn of the tokenizer's chat if it has one.

    The request stands first: items with the same options share it.
    """
    asked = request(options, verbal.form)
    if not tokenizer.chat_template:
        text, _ = written(Question("", prompt, (), instruction=asked), model)
        return prompt_tokens(tokenizer, text, encoder_decoder)
    return turn_tokens(tokenizer, f"{asked}\n\n{prompt}")


def answer_of(
    tokenizer: "PreTrainedTokenizerBase",
    distribution: Sequence[float],
    options: Sequence[str],
    verbal: Verbal,
) -> tuple[int, ...]:
    """A distribution [K] as the tokens that a model is to write, with the end of the text."""
    text = in_percentages(distribution, options, verbal.form)
    space = "" if tokenizer.chat_template else " "
    return ended_tokens(tokenizer, f"{space}{text}")
