"""Devices and arithmetic."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")


def pick_device() -> torch.device:
    """The first CUDA device (of a lease: the only one) if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    """What `pick_device` picks, by its product's name if it is a GPU."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def used(precision: str, device: torch.device) -> str:
    """The precision in which a device computes: fp32 where bf16 is asked of one that has none.

    A CPU without it multiplies bf16 matrices in a plain loop, fifteen times slower than fp32.
    """
    return precision if _has_bf16(device.type) else "fp32"


def _has_bf16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def arithmetic(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """The context of every forward pass: bf16 where that is safe, or fp32 throughout."""
    bf16 = used(precision, device) == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


def computed(chunks: Iterator[T], device: torch.device, precision: str) -> Iterator[T]:
    """Each chunk, computed within `arithmetic` and handed over outside it: to a backward pass."""
    while True:
        with arithmetic(device, precision):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def store_frozen(model: nn.Module, precision: str) -> None:
    """Frozen parameters in the format of the arithmetic; trained ones stay fp32."""
    if used(precision, pick_device()) == "bf16":
        for parameter in model.parameters():
            if not parameter.requires_grad and parameter.is_floating_point():
                parameter.data = parameter.data.bfloat16()
