"""Items as tokens: one prompt and the options' answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING

from annobench.errors import AnnobenchError
from annobench.models.settings import Model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenItem:
    """An item's prompt and, for each option, the answer tokens that follow it."""

    item: str
    prompt: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


def texts(prompt: str, options: Sequence[str], model: Model) -> tuple[str, list[str]]:
    """The text before the answer, and each option's answer.

    Raises:
        AnnobenchError: more options than letters.
    """
    if model.answer == "text":
        return model.template.replace("{prompt}", prompt), list(options)
    if len(options) > len(ascii_uppercase):
        raise AnnobenchError(
            f"answer: letter: {len(options)} options found; allowed: {len(ascii_uppercase)} at most"
        )
    letters = list(ascii_uppercase[: len(options)])
    lines = [f"{letter}. {option}" for letter, option in zip(letters, options, strict=True)]
    return model.template.replace("{prompt}", "\n".join([prompt, *lines])), letters


def tokenize(
    tokenizer: "PreTrainedTokenizerBase",
    item: str,
    prompt: str,
    options: Sequence[str],
    model: Model,
    encoder_decoder: bool,
) -> TokenItem:
    """Tokens of one item.

    A decoder-only model reads "prompt answer" as one text, so each option is tokenized together
    with its prompt; the prompt of the item is what all of these share with the prompt alone.

    Raises:
        AnnobenchError: the prompt or an option has no token of its own, two different options have
            the same tokens, or there are more options than letters. Equal options, which some
            benchmarks have, share their tokens and their score.
    """
    before, answers = texts(prompt, options, model)
    if encoder_decoder:
        start = tuple(tokenizer(before).input_ids)
        ends = [tuple(tokenizer(answer, add_special_tokens=False).input_ids) for answer in answers]
    else:
        alone = _without_end(tokenizer, tokenizer(before).input_ids)
        whole = [
            _without_end(tokenizer, tokenizer(f"{before} {answer}").input_ids) for answer in answers
        ]
        shared = min(_common(alone, tokens) for tokens in whole)
        start = tuple(alone[:shared])
        ends = [tuple(tokens[shared:]) for tokens in whole]
    if not start:
        raise AnnobenchError(
            f"item {item!r}: its prompt has no token of its own; allowed: a template that begins "
            "with a word of its own"
        )
    if not all(ends) or len(set(ends)) < len(set(answers)):
        raise AnnobenchError(
            f"item {item!r}: options {list(options)} do not differ as tokens; allowed: non-empty "
            "texts whose differences the tokenizer keeps"
        )
    return TokenItem(item, start, tuple(ends))


def _without_end(tokenizer: "PreTrainedTokenizerBase", tokens: list[int]) -> list[int]:
    return tokens[:-1] if len(tokens) > 1 and tokens[-1] == tokenizer.eos_token_id else tokens


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common prefix."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
