"""The walk-through in CONTRIBUTING.md works as it is printed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRY = """
import pandas as pd
from annobench import tables
from annobench.methods import Given
from annobench.registry import component, kinds
assert "unanimous" in kinds("methods")
method = component("methods", "unanimous")
items = pd.DataFrame({"item": ["a", "b", "c"], "options": [["x", "y", "z"]] * 3})
annotations = pd.DataFrame(
    {"item": list("aabbc"), "annotator": list("pqpqp"), "label": [2, 2, 0, 1, 1]}
)
frame = method.targets(Given(items, annotations), method.Settings())
assert frame["kept"].tolist() == [True, True, False, False, False]
assert frame["reason"].tolist() == ["annotation"] * 2 + ["annotators disagree"] * 2 + [
    "too few labels"
]
assert method.targets(Given(items, annotations), method.Settings(votes=1))["kept"].sum() == 3
tables.write(__import__("pathlib").Path("targets.parquet"), frame, tables.TARGETS)
"""


def block(language: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_method_of_the_walk_through_can_be_added_as_one_file(tmp_path):
    shutil.copytree(ROOT / "src" / "annobench", tmp_path / "src" / "annobench")
    method = tmp_path / "src" / "annobench" / "methods" / "unanimous.py"
    method.write_text(block("python"), encoding="utf-8")
    study = (ROOT / "config.yaml").read_text(encoding="utf-8")
    study, changes = re.subn(r"^methods:\n(?:  .*\n)+", block("yaml"), study, flags=re.MULTILINE)
    assert changes == 1
    study = re.sub(r"^(tables|figures):\n(?:  .*\n)+", "", study, flags=re.MULTILINE)
    (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-c", TRY)
    assert "unanimous" in run("-m", "annobench", "validate", "study.yaml")
    run("-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(method))
    run("-m", "ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), str(method))
