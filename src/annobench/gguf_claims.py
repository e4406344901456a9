"""What a GGUF file claims to hold, held against its size before anything makes room for it.

The library that reads such files follows a length that leads beyond the end of the file for as long
as it says, and transformers builds a model of whatever size is stated. The layout is that of
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
"""

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from annobench.errors import AnnobenchError

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value of each plain type."""
_STRING, _ARRAY = 8, 9
_INTEGERS = {4: "<I", 5: "<i", 10: "<Q", 11: "<q"}
_MOST_DIMENSIONS = 8
_MOST_VALUES_PER_BYTE = 8


@dataclass
class _Reader:
    content: mmap.mmap
    at: int = 0

    def take(self, size: int) -> int:
        """Where the next `size` bytes begin.

        Raises:
            ValueError: there are not so many.
        """
        start, self.at = self.at, self.at + size
        if self.at > len(self.content):
            raise ValueError(f"a length at byte {start} leads beyond the end")
        return start

    def number(self, form: str) -> int:
        found: int = struct.unpack_from(form, self.content, self.take(struct.calcsize(form)))[0]
        return found

    def text(self) -> str:
        size = self.number("<Q")
        start = self.take(size)
        return self.content[start : start + size].decode("utf-8")

    def value(self, kind: int) -> int | None:
        """A whole number; other values are passed over."""
        if kind in _INTEGERS:
            return self.number(_INTEGERS[kind])
        if kind in _SIZES:
            self.take(_SIZES[kind])
        elif kind == _STRING:
            self.take(self.number("<Q"))
        elif kind == _ARRAY:
            inner, length = self.number("<I"), self.number("<Q")
            if inner in _SIZES:
                self.take(length * _SIZES[inner])
            elif inner == _STRING:
                for _ in range(length):  # each takes 8 bytes or more, or raises
                    self.take(self.number("<Q"))
            else:
                raise ValueError(f"an array of type {inner}")
        else:
            raise ValueError(f"a value of type {kind}")
        return None


def refuse_claims(path: Path) -> None:
    """Refuse a GGUF file that claims more than it holds, or a model larger than its tensors.

    Raises:
        AnnobenchError: it does, or the file is broken.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            _refuse(_Reader(held))
    except (ValueError, struct.error) as error:
        raise AnnobenchError(f"{path.name}: cannot be converted: found {error}") from error


def _refuse(reader: _Reader) -> None:
    size = len(reader.content)
    if reader.content[reader.take(4) : reader.at] != b"GGUF":
        raise ValueError("no GGUF file")
    if (version := reader.number("<I")) not in (2, 3):
        raise ValueError(f"version {version}")
    tensors, pairs = reader.number("<Q"), reader.number("<Q")
    stated: dict[str, int] = {}
    for _ in range(pairs):  # each takes 13 bytes or more, or raises
        name = reader.text()
        value = reader.value(reader.number("<I"))
        if value is not None:
            stated[name.rpartition(".")[2]] = value
    values = 0
    for _ in range(tensors):  # likewise
        reader.text()
        dimensions = reader.number("<I")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        values += prod(reader.number("<Q") for _ in range(dimensions))
        reader.take(12)  # type and offset
    blocks, width, inner = (
        stated.get(name, 0) for name in ("block_count", "embedding_length", "feed_forward_length")
    )
    if values > _MOST_VALUES_PER_BYTE * size:
        raise ValueError(f"tensors of {values:,} values in {size:,} bytes")
    if blocks > tensors or width * max(width, inner) > values:
        raise ValueError(
            f"{tensors:,} tensors of {values:,} values for {blocks:,} blocks that are {width:,} "
            f"wide, and {inner:,} within"
        )
