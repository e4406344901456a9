"""Random streams named after what they may depend on.

`generator("annotations", "geo", "half-good", 0)` is the same stream on every machine and in every
process, and is independent of every other name. Nothing uses the global random state.
"""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_of(*names: str | int) -> int:
    """A 63-bit seed from the names of a stream, in order."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*names: str | int) -> np.random.Generator:
    """A numpy generator for the named stream."""
    return np.random.default_rng(seed_of(*names))


def torch_generator(*names: str | int) -> "torch.Generator":
    """A CPU torch generator for the named stream."""
    import torch

    return torch.Generator().manual_seed(seed_of(*names))
