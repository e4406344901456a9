"""Models and tokenizers from local folders: safetensors only, no remote code, no network."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annobench.clock import phase
from annobench.errors import AnnobenchError, one_line

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def is_encoder_decoder(folder: Path) -> bool:
    from transformers import AutoConfig

    return bool(AutoConfig.from_pretrained(folder, local_files_only=True).is_encoder_decoder)


loaded: list[Path] = []
"""The folders of the models that this process read from disk."""

_kept: "dict[Path, tuple[Files, PreTrainedModel]]" = {}
"""Models as they come, read before this process was forked, and of which files."""

Files = list[tuple[str, int, int, int]]
"""Name, inode, size and time of each file of a folder."""


@phase("loading")
def load_model(folder: Path) -> "PreTrainedModel":
    """The model in fp32, ready to train. One that is kept is handed out once.

    Raises:
        AnnobenchError: transformers cannot load it as a causal or sequence-to-sequence model.
    """
    place = folder.absolute()
    files, kept = _kept.pop(place, (None, None))
    if kept is not None and files == _files(place):
        return kept
    loaded.append(place)
    return _read(folder)


def keep(folder: Path, share: float) -> None:
    """Keep a model for the processes that are forked from this one, if all that is kept takes no
    more than this share of the machine's memory."""
    sizes = [4 * parameter_count(each) for each in {*_kept, folder}]
    if folder not in _kept and sum(sizes) <= share * os.sysconf("SC_PHYS_PAGES") * os.sysconf(
        "SC_PAGE_SIZE"
    ):
        _kept[folder] = (_files(folder), _read(folder))


def _files(folder: Path) -> Files:
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    return [(name, found.st_ino, found.st_size, found.st_mtime_ns) for name, found in stats]


def _read(folder: Path) -> "PreTrainedModel":
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    family: Any = AutoModelForSeq2SeqLM if is_encoder_decoder(folder) else AutoModelForCausalLM
    try:
        model: PreTrainedModel = family.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise AnnobenchError(
            f"{folder}: cannot be loaded as a language model: {one_line(error)}"
        ) from error
    return model


def window(model: "PreTrainedModel") -> int:
    """Most tokens that a decoder-only model reads; without bound where its configuration names
    none, and for an encoder-decoder model."""
    found = getattr(model.config, "max_position_embeddings", None)
    return sys.maxsize if found is None or model.config.is_encoder_decoder else int(found)


def check_window(model: "PreTrainedModel", tokens: int) -> None:
    """Refuse texts that are longer than what the model reads.

    Raises:
        AnnobenchError: they are.
    """
    if tokens > window(model):
        raise AnnobenchError(
            f"prompt and answer: found {tokens} tokens; allowed: {window(model)} at most, the "
            f"window of model type {model.config.model_type!r}"
        )


def parameter_count(folder: Path) -> int:
    """How many numbers the folder's safetensors hold: the size of the whole model."""
    from math import prod

    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="np") as stored:
            total += sum(prod(stored.get_slice(name).get_shape()) for name in stored.keys())  # noqa: SIM118
    return total
