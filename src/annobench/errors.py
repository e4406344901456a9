"""The one exception that users are meant to read."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


class AnnobenchError(Exception):
    """Bad input or a broken file.

    The message is one sentence that names the file, the key or row, what was found and what is
    allowed. The command line prints it without a traceback and exits with status 2.
    """


class NotIdentifiedError(AnnobenchError):
    """What is to be estimated cannot be told from these data, though their form is right."""


@contextmanager
def plain() -> Iterator[None]:
    """Errors that a user can mend become one sentence on stderr and exit status 2."""
    try:
        yield
    except AnnobenchError as error:
        _stop(str(error), error)
    except OSError as error:
        _stop(f"{error.filename}: {error.strerror}" if error.filename else str(error), error)


def _stop(sentence: str, error: Exception) -> NoReturn:
    print(f"annobench: error: {sentence}", file=sys.stderr)
    raise SystemExit(2) from error


def shown(value: object, most: int = 200) -> str:
    """A value as Python writes it, cut where that is longer than `most` characters."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def one_line(error: object) -> str:
    """The text of another library's error, fit for the middle of a sentence."""
    return " ".join(str(error).split()).rstrip(".")
