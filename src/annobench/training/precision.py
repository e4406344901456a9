"""Devices and arithmetic."""

from collections.abc import Collection
from contextlib import AbstractContextManager

import torch
from torch import nn


def pick_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def arithmetic(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """The context of every forward pass: bf16 where that is safe, or fp32 throughout."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def store_frozen(model: nn.Module, precision: str, apart: Collection[nn.Parameter] = ()) -> None:
    """Frozen parameters in the format of the arithmetic; trained ones, and those `apart`, stay as
    they are, fp32."""
    kept = set(apart)
    if precision == "bf16":
        for parameter in model.parameters():
            if parameter.requires_grad or parameter in kept:
                continue
            if parameter.is_floating_point():
                parameter.data = parameter.data.bfloat16()
