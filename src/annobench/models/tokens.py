"""Questions as texts and as tokens: one prompt and the options' answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING

from annobench.errors import AnnobenchError
from annobench.models.settings import Model
from annobench.questions import Example, Question

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenItem:
    """An item's prompt and, for each option, the answer tokens that follow it."""

    item: str
    prompt: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


def written(question: Question, model: Model, listed: bool = False) -> tuple[str, list[str]]:
    """The text before the answer, and each option's answer; free text has no options.

    The instruction, the examples and the question stand apart by a blank line, and an answer is
    one space behind its template. `listed`: the options can be read in the text, for a model that
    is to write one down.

    Raises:
        AnnobenchError: more options than letters.
    """
    shown = [
        f"{_in_template(example.prompt, example.options, '', model, listed)} "
        f"{_answer_to(example, model)}"
        for example in question.examples
    ]
    last = _in_template(question.prompt, question.options, question.hints, model, listed)
    blocks = [question.instruction, *shown, last]
    return "\n\n".join(filter(None, blocks)), _answers(question.options, model)


def _in_template(
    prompt: str, options: Sequence[str], hints: str, model: Model, listed: bool
) -> str:
    lines: Iterable[str] = ()
    if model.answer == "letter":
        pairs = zip(_answers(options, model), options, strict=True)
        lines = (f"{letter}. {option}" for letter, option in pairs)
    elif listed:
        lines = (f"- {option}" for option in options)
    return model.template.replace("{prompt}", "\n".join(filter(None, [prompt, *lines, hints])))


def _answers(options: Sequence[str], model: Model) -> list[str]:
    """What each option is answered by."""
    if model.answer == "text":
        return list(options)
    if len(options) > len(ascii_uppercase):
        raise AnnobenchError(
            f"answer: letter: {len(options)} options found; allowed: {len(ascii_uppercase)} at most"
        )
    return list(ascii_uppercase[: len(options)])


def _answer_to(example: Example, model: Model) -> str:
    if not example.options:
        return example.answer
    return _answers(example.options, model)[example.options.index(example.answer)]


def tokenize(
    tokenizer: "PreTrainedTokenizerBase", question: Question, model: Model, encoder_decoder: bool
) -> TokenItem:
    """Tokens of one question and its options.

    Raises:
        AnnobenchError: as `token_item` does, or there are more options than letters.
    """
    return token_item(tokenizer, question.item, *written(question, model), encoder_decoder)


def token_item(
    tokenizer: "PreTrainedTokenizerBase",
    item: str,
    before: str,
    answers: Sequence[str],
    encoder_decoder: bool,
) -> TokenItem:
    """Tokens of a text and of the answers that may follow it.

    A decoder-only model reads "prompt answer" as one text, so each option is tokenized together
    with its prompt; the prompt of the item is what all of these share with the prompt alone.

    Raises:
        AnnobenchError: the prompt or an option has no token of its own, or two different options
            have the same tokens. Equal options, which some benchmarks have, share their tokens
            and their score.
    """
    start = prompt_tokens(tokenizer, before, encoder_decoder)
    if encoder_decoder:
        ends = [tuple(tokenizer(answer, add_special_tokens=False).input_ids) for answer in answers]
    else:
        whole = [prompt_tokens(tokenizer, f"{before} {answer}", False) for answer in answers]
        shared = min((_common(start, tokens) for tokens in whole), default=len(start))
        start = start[:shared]
        ends = [tokens[shared:] for tokens in whole]
    if not start:
        raise AnnobenchError(
            f"item {item!r}: its prompt has no token of its own; allowed: a template that begins "
            "with a word of its own"
        )
    if not all(ends) or len(set(ends)) < len(set(answers)):
        raise AnnobenchError(
            f"item {item!r}: options {list(answers)} do not differ as tokens; allowed: non-empty "
            "texts whose differences the tokenizer keeps"
        )
    return TokenItem(item, start, tuple(ends))


def prompt_tokens(
    tokenizer: "PreTrainedTokenizerBase", text: str, encoder_decoder: bool
) -> tuple[int, ...]:
    """A text as a model reads it; a decoder goes on behind it, so for it the text has no end."""
    tokens = tuple(tokenizer(text).input_ids)
    ends = len(tokens) > 1 and tokens[-1] == tokenizer.eos_token_id
    return tokens[:-1] if ends and not encoder_decoder else tokens


def ended_tokens(tokenizer: "PreTrainedTokenizerBase", text: str) -> tuple[int, ...]:
    """A text that a model is to write, with the end of the text if the tokenizer has one."""
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    return (*tokenizer(text, add_special_tokens=False).input_ids, *end)


def turn_tokens(tokenizer: "PreTrainedTokenizerBase", said: str) -> tuple[int, ...]:
    """What a user says, as a turn of the tokenizer's chat that the model is to answer."""
    turns = [{"role": "user", "content": said}]
    tokens = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return tuple(tokens)


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common prefix."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
