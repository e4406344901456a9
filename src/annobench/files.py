"""Files that are either whole or absent."""

import csv
import fcntl
import filecmp
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from annobench import seals
from annobench.errors import AnnobenchError, one_line

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file of the same name in a scratch folder; on success flush it to disk and rename it
    to `path`.

    If the body raises (disk full, killed, interrupted), `path` keeps its old content, or stays
    absent.

    Raises:
        OSError: it cannot be written; `filename` is `path`.
    """
    with _scratch(path) as scratch:
        temporary = scratch / path.name
        yield temporary
        _finish(temporary)
        temporary.replace(path)
        flush(path.parent)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder in a scratch folder; on success flush what it holds and rename it.

    If the body raises, `folder` keeps its old content, or stays absent; if this process is killed
    between the two renames, `settle` puts the old one back. One whose content is the same already
    is left as it is, so that whoever reads it is not disturbed.

    Raises:
        OSError: it cannot be written; `filename` is `folder`.
    """
    with _scratch(folder) as scratch:
        building = scratch / "new"
        building.mkdir()
        yield building
        if _equal(folder, building):
            return
        for path in (*building.rglob("*"), building):
            _finish(path)
        if folder.exists():
            folder.replace(scratch / _OLD)
        building.replace(folder)
        flush(folder.parent)


_SCRATCH = ".making."
_LOCK = ".lock"
_OLD = "old"


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A folder beside `path`, with a locked file in it, which is removed afterwards."""
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{_SCRATCH}{path.name}."
        with tempfile.TemporaryDirectory(prefix=prefix, dir=path.parent) as name:
            unlocked = Path(name, "unlocked")
            with unlocked.open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                unlocked.rename(Path(name, _LOCK))
                yield Path(name)


def _finish(path: Path) -> None:
    """Flush a file or folder, and let the umask say who may read a file: libraries do not ask."""
    if path.is_file():
        path.chmod(0o666 & ~_umask())
    flush(path)


def settle(folder: Path) -> None:
    """Make a folder fit to go on in after accidents.

    What killed processes left unfinished is removed; living ones hold a lock, or have a minute to
    take it. A folder that was moved away for a new one that never came is put back. Files from the
    future, made before the clock was set back, get the present time: Snakemake refuses what is
    older than what it was made of.
    """
    now = time.time_ns()
    for parent, folders, names in os.walk(folder):
        for name in folders:
            if name.startswith(_SCRATCH):
                path = Path(parent, name.removeprefix(_SCRATCH).rpartition(".")[0])
                with suppress(OSError):  # it is locked, gone meanwhile, or another user's
                    _clear(Path(parent, name), path)
        for path in (Path(parent, name) for name in names):
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime_ns > now:
                    os.utime(path, ns=(now, now), follow_symlinks=False)


def _clear(scratch: Path, path: Path) -> None:
    """Remove the scratch folder of a dead process that was making `path`."""
    young = time.time() - scratch.stat().st_mtime < 60
    with (scratch / _LOCK).open("r+" if young else "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (scratch / _OLD).is_dir() and not path.exists():
            (scratch / _OLD).rename(path)
    shutil.rmtree(scratch, ignore_errors=True)


def _equal(one: Path, other: Path) -> bool:
    """Whether two folders, without folders in them, hold the same files."""
    names = sorted(path.name for path in other.iterdir())
    if not one.is_dir() or sorted(path.name for path in one.iterdir()) != names:
        return False
    return not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An OSError of the body names `path`, and not the scratch file beside it."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror or one_line(error)
        raise OSError(error.errno, f"cannot be written: {reason}", str(path)) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def flush(path: Path) -> None:
    """Force a file's content, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def canonical_json(value: Any) -> str:
    """JSON that is equal exactly when the values are: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def csv_text(frame: "pd.DataFrame", **how: Any) -> str:
    """CSV in which every cell is the text that it is, whatever a spreadsheet takes it for."""
    texts = frame.select_dtypes(exclude="number").to_numpy().ravel()
    # Python's writer forgets the quotes around a carriage return.
    bare = any("\r" in text for text in [*texts, *frame.columns] if isinstance(text, str))
    quoting: Any = csv.QUOTE_NONNUMERIC if bare else csv.QUOTE_MINIMAL
    text: str = frame.to_csv(index=False, lineterminator="\n", quoting=quoting, **how)
    return text


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write sorted keys with their values, whole or not at all, and a seal as the last key."""
    keys = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).removesuffix("}")
    keys = f"{keys.rstrip()}{',' if value else ''}"
    with replacing(path) as temporary:
        text = f'{keys}\n  "{seals.MARK}": "{seals.BLANK}"\n}}\n'
        temporary.write_text(text, encoding="utf-8")
        seals.seal(temporary)


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Raises:
        AnnobenchError: the file is missing or damaged.
    """
    try:
        seals.check(path)
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        del value[seals.MARK]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise AnnobenchError(f"{path}: cannot be read as JSON: {error}") from error
    return value


MOST_VALUES = 100_000
"""In a file of keys and values, each alias counted as all that it stands for."""


class _Plain(yaml.SafeLoader):
    """YAML in which a key that comes twice is an error, where YAML itself takes the last one; whose
    aliases do not add up to a heap of values; and whose whole numbers have 64 bits."""

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _values(node, {}) > MOST_VALUES:
            reason = f"found more than {MOST_VALUES:,} values, or one that holds itself"
            raise yaml.MarkedYAMLError(None, None, reason, node.start_mark)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        None, None, f"found {key.value!r} twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        number: int = super().construct_yaml_int(node)
        if number.bit_length() > 63:
            raise yaml.MarkedYAMLError(
                None, None, "found a whole number beyond 64 bits", node.start_mark
            )
        return number


_Plain.add_constructor("tag:yaml.org,2002:int", _Plain.construct_yaml_int)


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node is; `known` holds those of the nodes met before, by identity."""
    if id(node) not in known:
        known[id(node)] = MOST_VALUES + 1  # for an alias within itself
        inside = [] if isinstance(node, yaml.ScalarNode) else node.value
        pairs = [part if isinstance(part, tuple) else (part,) for part in inside]
        known[id(node)] = 1 + sum(_values(each, known) for pair in pairs for each in pair)
    return known[id(node)]


def read_yaml(path: Path) -> dict[str, Any]:
    """Read keys and values from YAML or JSON; a seal, which only our own files have, is checked.

    Raises:
        AnnobenchError: the file cannot be read, is not a mapping in YAML, `_Plain` refuses it, or
            it is not as it was sealed.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Plain)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise AnnobenchError(f"{path}: line {line}: {error.problem}; allowed: YAML") from error
    except RecursionError as error:
        raise AnnobenchError(f"{path}: found values nested too deep; allowed: YAML") from error
    except Exception as error:  # of a text with a tag, say !!int x, whatever Python says of it
        raise AnnobenchError(f"{path}: cannot be read as YAML: {one_line(error)}") from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else f"a {type(data).__name__}"
        raise AnnobenchError(f"{path}: found {found}; allowed: keys with their values")
    if seals.MARK in data and (fault := seals.fault(path)):
        raise AnnobenchError(
            f"{path}: is damaged: found {fault}; allowed: the file as it was written, or edited "
            f"and without the key {seals.MARK}"
        )
    data.pop(seals.MARK, None)
    return data


def sha256(path: Path) -> str:
    """Checksum of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
