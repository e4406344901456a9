"""Accidents. A part runs with the other tests, `make torture` runs the whole."""

import os
import random

import pytest


@pytest.fixture
def chance(request) -> random.Random:
    """Random numbers that are printed with a failure; ANNOBENCH_SEED repeats them."""
    seed = int(os.environ.get("ANNOBENCH_SEED", random.SystemRandom().randrange(10**6)))
    print(f"{request.node.name}: ANNOBENCH_SEED={seed}")
    return random.Random(seed)
