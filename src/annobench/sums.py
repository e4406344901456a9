"""Checksums of files for readers, in a file beside them, as `sha256sum --check` reads them."""

import re
from collections.abc import Iterable
from pathlib import Path

from annobench import seals
from annobench.errors import one_line
from annobench.files import sha256, write_text


def write(path: Path, others: Iterable[Path]) -> None:
    """Write the checksums of files that lie in the same folder, or in folders of it."""
    write_text(
        path, "".join(f"{sha256(o)}  {o.relative_to(path.parent)}\n" for o in sorted(others))
    )


def faults(path: Path, others: Iterable[Path]) -> dict[Path, str]:
    """What is wrong with the files that a file of checksums should name, or with itself."""
    found: dict[Path, str] = {}
    unnamed = {str(other.relative_to(path.parent)): other for other in others if other != path}
    known = dict(unnamed)
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
        if match is None:
            return {path: f"{line!r}, which is no checksum"}
        if match[2] not in known:
            return {path: f"a checksum of {match[2]!r}, which does not lie beside it"}
        other = known[match[2]]
        unnamed.pop(match[2], None)
        try:
            fault = seals.fault(other, match[1])
        except (OSError, ValueError) as error:
            fault = one_line(getattr(error, "strerror", None) or error)
        if fault:
            found[other] = fault
    return found | ({path: f"no checksum of {', '.join(sorted(unnamed))}"} if unnamed else {})
