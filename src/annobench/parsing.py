"""What a generated text answers."""

from collections.abc import Sequence


def option_said(text: str, options: Sequence[str], letters: bool) -> int | None:
    raise NotImplementedError


def text_said(text: str) -> str | None:
    raise NotImplementedError
