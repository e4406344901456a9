"""Every reader with broken and hostile bytes; `make fuzz` runs many more of them.

ANNOBENCH_FUZZ_INPUTS says how many of each kind; ANNOBENCH_FUZZ_TARGETS, names with spaces between
them, leaves out the others.
"""

import os
from pathlib import Path

import pytest
from fuzz_targets import TARGETS, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
KEPT = sorted((HERE / "corpus").glob("*/*"))
NAMES = os.environ.get("ANNOBENCH_FUZZ_TARGETS", " ".join(TARGETS)).split()
fuzzing = settings(
    max_examples=int(os.environ.get("ANNOBENCH_FUZZ_INPUTS", "25")),
    deadline=None,  # `limited` stops what hangs
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)


@st.composite
def inputs(draw, seeds, words):
    """A good input with up to six changes, or any bytes."""
    content = bytearray(draw(st.sampled_from(seeds) | st.binary(max_size=200)))
    pieces = st.binary(max_size=12)
    if words:
        pieces |= st.sampled_from(words).map(str.encode)
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 8) | st.integers(0, len(content))))
        kept = bytes(content[start:end]) * draw(st.sampled_from([0, 0, 0, 2]))
        content[start:end] = draw(pieces) + kept
    return bytes(content)


@pytest.mark.parametrize("name", TARGETS)
def test_a_good_input_is_read(name):
    found = [run(TARGETS[name], content) for content in TARGETS[name].seeds()]
    assert None in found


@pytest.mark.parametrize("path", KEPT, ids=[f"{path.parent.name}-{path.name}" for path in KEPT])
def test_what_was_found_before_is_refused_or_read(path):
    run(TARGETS[path.parent.name], path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_hostile_bytes_are_refused_in_a_sentence(name):
    target = TARGETS[name]

    @fuzzing
    @given(inputs(target.seeds(), target.words))
    def fuzz(content):
        run(target, content)

    fuzz()
