import subprocess
import sys

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from annobench.attentiveness import Choices, continuous, two_types
from annobench.estimators import Estimator, estimate
from annobench.registry import kinds

READ = TypeAdapter(Estimator).validate_python


@pytest.mark.parametrize("kind", kinds("attentiveness"))
def test_the_kind_says_whose_settings_they_are(kind):
    assert type(READ({"kind": kind})).__module__ == f"annobench.attentiveness.{kind}".replace(
        "-", "_"
    )


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValidationError, match=r"'beta', 'continuous', 'three-types', 'two-types'"):
        READ({"kind": "four-types"})


def test_the_kind_estimates():
    choices = Choices(np.array([0, 0, 1, 1]), np.array([True, True, True, False]), 2)
    for module in (continuous, two_types):
        keys = READ({"kind": module.Settings().kind, "mu": 0.75})
        found = estimate(choices, keys).attentiveness.tolist()
        assert found == module.estimate(choices, keys).attentiveness.tolist()
    assert estimate(choices, READ({"kind": "continuous", "mu": 0.75})).kept.tolist() == [
        True,
        False,
    ]


def test_settings_load_nothing_heavy():
    names = ("numpy", "pandas", "scipy", "torch")
    program = f"import sys, annobench.estimators; print({{*sys.modules}} & {{*{names}}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "set()\n", run.stderr
