"""Tensors in safetensors files."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from annobench import seals
from annobench.errors import AnnobenchError, one_line
from annobench.files import replacing


def read(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a file.

    Raises:
        AnnobenchError: the file is missing or damaged.
    """
    try:
        seals.check(path)
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        reason = one_line(error)
        raise AnnobenchError(f"{path}: cannot be read as safetensors: {reason}") from error


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors, whole or not at all.

    Raises:
        OSError: the file cannot be written, say because the disk is full.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        try:
            save_file(contiguous, temporary, (metadata or {}) | {seals.MARK: seals.BLANK})
        except SafetensorError as error:
            raise OSError(None, one_line(error)) from error
        seals.seal(temporary)
