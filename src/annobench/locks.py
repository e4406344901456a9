"""Locks that belong to a living process: the kernel frees them, whatever kills it.

Lock files are never removed, so that all who want a lock ask for that of the same file.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from annobench.errors import AnnobenchError, one_line
from annobench.files import naming

_held: dict[Path, int] = {}
"""Descriptors; not inherited by the commands that this process starts."""


def hold(path: Path) -> None:
    """Hold a lock for as long as this process lives.

    Raises:
        AnnobenchError: another process holds it; the message says which.
        OSError: the file cannot be written.
    """
    if path in _held:
        return
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = one_line(os.pread(descriptor, 1000, 0).decode(errors="replace"))
        os.close(descriptor)
        raise AnnobenchError(
            f"{path.parent}: found a run that is still going on ({who or 'it is just starting'}); "
            "allowed: one at a time"
        ) from None
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    os.ftruncate(descriptor, 0)
    os.pwrite(
        descriptor, f"process {os.getpid()} on {socket.gethostname()} since {since}\n".encode(), 0
    )
    _held[path] = descriptor


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait for a lock, and hold it in the body."""
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
