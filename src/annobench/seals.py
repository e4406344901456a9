"""Seals: every table, tensor and JSON file that annobench writes carries its own checksum.

A file is written with 64 zeros in its metadata, under the name `MARK`. The SHA-256 of the whole
file, as it is then, takes their place before the file gets its name. So one flipped bit, wherever
it is, or a missing end is noticed before the file is used, and equal contents are equal files.
"""

import hashlib
import logging
import os
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from annobench.errors import AnnobenchError

MARK = "annobench-sha256"
BLANK = "0" * 64
REMEDY = "`annobench check STUDY --remove` removes it, and snakemake makes it again"

log = logging.getLogger(__name__)


def seal(path: Path) -> None:
    """Put a file's checksum in the place of its zeros."""
    with path.open("r+b") as file:
        place = _place(file, path.suffix)
        assert place is not None
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(place)
        file.write(digest.encode())


def check(path: Path) -> None:
    """Refuse a file that is not as it was written.

    Raises:
        AnnobenchError: it has no seal, or another content than its seal says.
        OSError: it cannot be read.
    """
    if found := fault(path):
        raise AnnobenchError(f"{path}: is damaged: found {found}; allowed: whole files; {REMEDY}")


def whole(path: Path) -> bool:
    """Whether there is such a file and it is as it was written; what is damaged is logged."""
    try:
        found = fault(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        found = str(error)
    if found:
        log.warning("%s: is damaged and not used: found %s", path, found)
    return not found


def fault(path: Path, digest: str | None = None) -> str | None:
    """What is wrong with a file, if anything is. One without fault is read once in a process, and
    not again in those that it forks.

    `digest` is the SHA-256 of a file that has no seal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        seen = (str(path.absolute()), digest, about.st_ino, about.st_size, about.st_mtime_ns)
        if seen in faultless:
            return None
        if digest is not None:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        elif (place := _place(file, path.suffix)) is not None:
            found = _unsealed(file, place)
            file.seek(place)
            digest = file.read(len(BLANK)).decode(errors="replace")
        else:
            return "no checksum"
    if found != digest:
        return "another content than its checksum says"
    faultless.add(seen)
    return None


faultless: set[tuple[Any, ...]] = set()
"""Path, checksum if it has no seal, inode, size and time of each file that was found without fault.
"""


def _place(file: BinaryIO, suffix: str) -> int | None:
    """Where a file's checksum begins, if it has one: behind the last name in the one part of the
    file that holds it, in a form that no value, such as a user's text, can take there."""
    size = file.seek(0, os.SEEK_END)
    start, end, name = _PARTS.get(suffix, _end)(file, size)
    start, end = max(0, start), min(end, size)
    file.seek(start)
    at = file.read(max(0, end - start)).rfind(name)
    place = start + at + len(name)
    return None if at < 0 or place + len(BLANK) > end else place


def _footer(file: BinaryIO, size: int) -> tuple[int, int, bytes]:
    """Of parquet: before the last eight bytes, the first four of which are its length. The file's
    own metadata follows all that comes from its columns; 0x18 0x40 is a text of 64 bytes."""
    file.seek(max(0, size - 8))
    length = int.from_bytes(file.read(4), "little")
    return size - 8 - length, size - 8, MARK.encode() + b"\x18\x40"


def _header(file: BinaryIO, size: int) -> tuple[int, int, bytes]:
    """Of safetensors: behind the first eight bytes, which are its length. Inside a value of JSON a
    quotation mark has a backslash before it."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    return 8, 8 + length, f'"{MARK}":"'.encode()


def _end(file: BinaryIO, size: int) -> tuple[int, int, bytes]:
    """Of JSON, the last key."""
    name = f'"{MARK}": "'.encode()
    return size - len(name) - len(BLANK) - len('"\n}\n'), size, name


_PARTS = {".parquet": _footer, ".safetensors": _header, ".json": _end}
SUFFIXES = tuple(_PARTS)
"""Of the files that have a seal."""


def _unsealed(file: BinaryIO, place: int) -> str:
    """The checksum of a file with zeros in its seal's place."""
    digest = hashlib.sha256()
    file.seek(0)
    left = place
    while chunk := file.read(min(left, _CHUNK)):
        digest.update(chunk)
        left -= len(chunk)
    file.seek(place + len(BLANK))
    digest.update(BLANK.encode())
    for chunk in iter(partial(file.read, _CHUNK), b""):
        digest.update(chunk)
    return digest.hexdigest()


_CHUNK = 1 << 20
