"""Memory that does not suffice: the same work, in smaller rows."""

import gc
import logging
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch

from annobench.errors import AnnobenchError, one_line

log = logging.getLogger(__name__)
T = TypeVar("T")


class InRows(Protocol):
    """A scorer: it lays its items out in rows."""

    row_tokens: int
    """Most tokens in a row that holds more than one item."""

    def shortest(self) -> int:
        """Tokens of the smallest item: rows of no more tokens hold one item each."""


def out_of_memory(error: Exception) -> bool:
    """Whether the device or the machine had no memory left."""
    on_cpu = "DefaultCPUAllocator: can't allocate memory" in str(error)  # a mere RuntimeError
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or on_cpu


def peak_memory() -> int:
    """Largest memory so far in bytes: of the device if it is a GPU, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def said_plainly() -> Iterator[None]:
    """Where there is no cell to record it, memory that does not suffice is one sentence.

    Raises:
        AnnobenchError: the work ran out of memory.
    """
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise AnnobenchError(
            f"memory does not suffice: {one_line(error) or type(error).__name__}; allowed: a "
            "smaller training.row_tokens, views.side_by_side or model, or a larger machine"
        ) from error


def in_smaller_rows(scorer: InRows, work: Callable[[], T]) -> T:
    """What `work` returns; each time it runs out of memory, `scorer.row_tokens` is halved first.

    `work` must begin afresh at every call. The scorer keeps the rows that fitted.

    Raises:
        MemoryError: it does not fit with one item in each row.
    """
    while True:
        try:
            return work()
        except Exception as error:
            if not out_of_memory(error):
                raise
            reason = one_line(error) or type(error).__name__
            if scorer.row_tokens <= scorer.shortest():
                raise MemoryError(
                    f"even with one item in a row (row_tokens {scorer.row_tokens}): {reason}"
                ) from error
        scorer.row_tokens //= 2
        log.warning("rows of %d tokens from here on: %s", scorer.row_tokens, reason)
        gc.collect()  # with the error went what the failed attempt had computed
        torch.cuda.empty_cache()
