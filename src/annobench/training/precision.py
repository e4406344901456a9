"""Devices and arithmetic."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

T = TypeVar("T")


def pick_device() -> torch.device:
    """The first CUDA device (of a lease: the only one) if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    """What `pick_device` picks, by its product's name if it is a GPU."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """The context of every forward pass: bf16 where that is safe, or fp32 throughout."""
    bf16 = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
    with bf16, products(device, precision):
        yield


def products(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context of every backward pass, which is as quick as the processor can be.

    For a CPU without products of bf16 numbers torch has no more than a plain loop, fifteen times
    slower than fp32. There the products are computed in fp32, of the same bf16 numbers, and rounded
    to bf16: what the others do, too, in an order of their own.
    """
    plain = device.type == "cpu" and precision == "bf16" and not has_bf16_products()
    return ProductsInFp32() if plain else nullcontext()  # type: ignore[no-untyped-call]


def has_bf16_products() -> bool:
    """Whether torch multiplies bf16 matrices on this CPU by other than a plain loop."""
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported())


class ProductsInFp32(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Products of bf16 matrices and vectors are computed in fp32 and then rounded."""

    _OF = frozenset(
        getattr(torch.ops.aten, name).default
        for name in ("mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot")
    )

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if func not in self._OF or args[0].dtype is not torch.bfloat16:
            return func(*args, **kwargs or {})
        exact = [arg.float() if isinstance(arg, Tensor) else arg for arg in args]
        return func(*exact, **kwargs or {}).bfloat16()


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
    if precision == "bf16":
        for parameter in model.parameters():
            if not parameter.requires_grad and parameter.is_floating_point():
                parameter.data = parameter.data.bfloat16()
