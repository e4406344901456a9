"""Help, validation and dry-runs load nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "pandas", "pyarrow", "matplotlib", "scipy", "sklearn", "crowdkit")

PROGRAM = """
import sys

HEAVY = sys.argv.pop(1).split()

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HEAVY:
            raise ImportError(f"{name} is imported")

sys.meta_path.insert(0, Block())
from annobench.cli import app
app(sys.argv[1:], prog_name="annobench")
"""


def annobench(*arguments, without=HEAVY):
    """The command line in a process where heavy packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, " ".join(without), *arguments],
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


def test_who_wants_the_filter_alone_needs_no_torch(tmp_path):
    file = tmp_path / "own.csv"
    rows = []
    for n in range(256):  # 16 users choose s, but for every eighth time, and 16 the first
        sides, s = (("s,t", "first"), ("t,s", "second"))[n % 2]
        wrong = {"first": "second", "second": "first"}[s]
        rows.append(f"u{n // 16},{sides},{wrong if n % 8 == 0 else s}\n")
        rows.append(f"v{n // 16},{sides},{'second' if n % 7 == 0 else 'first'}\n")
    file.write_text("user,first,second,chosen\n" + "".join(rows))
    run = annobench("users", str(file), without=("torch", "transformers", "peft", "trl"))
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("user,comparisons,chose_stronger,attentiveness,low,high,keep\n")
    assert len(run.stdout.splitlines()) == 33
