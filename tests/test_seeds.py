import random
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from annobench import seeds

NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\x1f")) | st.integers(), min_size=1
)


def test_a_seed_never_changes():
    # sha256("annotations\x1fgeo\x1f0"), first 8 bytes, shifted right by one
    assert seeds.seed_of("annotations", "geo", 0) == 7934959582722915169
    assert seeds.generator("annotations", "geo", 0).integers(1000, size=3).tolist() == [
        508,
        874,
        161,
    ]


@given(NAMES, NAMES)
def test_other_names_are_other_streams(one, other):
    same = [str(name) for name in one] == [str(name) for name in other]
    assert (seeds.seed_of(*one) == seeds.seed_of(*other)) == same


@given(NAMES)
def test_seeds_fit_a_signed_64_bit_integer(names):
    assert 0 <= seeds.seed_of(*names) < 2**63


def test_the_boundaries_between_names_count():
    assert seeds.seed_of("ab", "c") != seeds.seed_of("a", "bc")


def test_no_global_random_state_is_read_or_changed():
    def draw():
        return seeds.generator("x").random(3).tolist(), seeds.torch_generator("x").initial_seed()

    import torch

    first = draw()
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert draw() == first
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert after == before


def test_torch_draws_from_the_same_seed():
    assert seeds.torch_generator("model", 1).initial_seed() == seeds.seed_of("model", 1)


def test_it_imports_without_torch():
    code = "import sys, annobench.seeds; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
