"""Work that is begun again in smaller rows, with a scorer that is only numbers."""

import logging
from dataclasses import dataclass, field

import pytest
import torch

from annobench.models.memory import in_smaller_rows, out_of_memory


@dataclass
class Items:
    """Items of these sizes, and the rows that were tried."""

    sizes: list
    row_tokens: int
    tried: list = field(default_factory=list)

    def shortest(self):
        return min(self.sizes)

    def work(self, fits, error):
        """Fails in rows of more than `fits` tokens."""
        self.tried.append(self.row_tokens)
        if self.row_tokens > fits:
            raise error
        return "done"


DEVICE = torch.OutOfMemoryError("CUDA out of memory")


def test_rows_are_halved_until_the_work_fits(caplog):
    items = Items([7, 30], 1000)
    with caplog.at_level(logging.WARNING):
        assert in_smaller_rows(items, lambda: items.work(130, DEVICE)) == "done"
    assert items.tried == [1000, 500, 250, 125]
    assert items.row_tokens == 125
    assert [record.getMessage() for record in caplog.records] == [
        f"rows of {tokens} tokens from here on: CUDA out of memory" for tokens in (500, 250, 125)
    ]


def test_it_gives_up_where_every_row_is_a_single_item():
    items = Items([7, 30], 100)
    with pytest.raises(MemoryError, match=r"one item in a row \(row_tokens 6\): CUDA out of mem"):
        in_smaller_rows(items, lambda: items.work(0, DEVICE))
    assert items.tried == [100, 50, 25, 12, 6]


@pytest.mark.parametrize("row_tokens", [1, 2, 3])
def test_rows_of_one_token_end_too(row_tokens):
    items = Items([1], row_tokens)
    with pytest.raises(MemoryError, match="row_tokens 1"):
        in_smaller_rows(items, lambda: items.work(0, DEVICE))


def test_other_errors_are_no_matter_of_memory():
    items = Items([1], 100)
    with pytest.raises(RuntimeError, match="shapes"):
        in_smaller_rows(items, lambda: items.work(0, RuntimeError("shapes")))
    assert items.tried == [100]


def test_what_counts_as_out_of_memory():
    with pytest.raises(RuntimeError) as too_much:
        torch.empty(2**50)
    for error in (too_much.value, DEVICE, MemoryError()):
        assert out_of_memory(error)
    assert not out_of_memory(RuntimeError("shapes do not match"))
