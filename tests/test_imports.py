"""Help, validation and dry-runs load nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "pandas", "pyarrow", "matplotlib", "scipy", "sklearn", "crowdkit")

PROGRAM = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ImportError(f"{{name}} is imported")

sys.meta_path.insert(0, Block())
from annobench.cli import app
app(sys.argv[1:], prog_name="annobench")
"""


def annobench(*arguments):
    """The command line in a process where heavy packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "Usage: annobench"),
        (["train", "--help"], "Usage: annobench train"),
        (["validate", "config.yaml"], " cells\n"),
        (["schema"], '"properties"'),
        (["keys"], "| `epochs` |"),
    ],
)
def test_nothing_heavy_is_imported(arguments, said):
    run = annobench(*arguments)
    assert run.returncode == 0, run.stderr
    assert said in run.stdout
    assert run.stderr == ""


def test_the_block_blocks():
    """A command that needs pandas cannot do without."""
    run = annobench("prepare", "config.yaml", "geo")
    assert run.returncode != 0
    assert "is imported" in run.stderr
