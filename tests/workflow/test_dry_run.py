"""A dry-run plans every job once, and needs none of the packages that the jobs need.

How long it takes is measured by benchmarks/dry_run.py.
"""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import dry_run


@pytest.mark.parametrize(("noises", "seeds"), [(1, 1), (25, 10)])
def test_a_generated_study_is_planned_without_heavy_packages(tmp_path, noises, seeds):
    dry_run.workspace(tmp_path, noises, seeds)
    jobs = re.findall(r"^(\w+) +(\d+)$", dry_run.dry_run(tmp_path), re.M)
    expected = {
        "fetch": 1,
        "prepare": 1,
        "encode": 1,
        "annotate": noises * seeds,
        "train": 4 * noises * seeds,
        "gather": 1,
        "evaluate": 1,
        "table_results": 1,
        "table_cells": 1,
        "figure_accuracy_by_noise": 1,
        "report": 1,
        "all": 1,
    }
    assert {name: int(count) for name, count in jobs} == expected | {
        "total": sum(expected.values())
    }


@pytest.mark.parametrize("package", ["torch", "pandas", "matplotlib.pyplot"])
def test_the_blocked_packages_are_blocked(tmp_path, package):
    """Else the test above would show nothing."""
    dry_run.workspace(tmp_path, 1, 1)
    with (tmp_path / "Snakefile").open("a", encoding="utf-8") as snakefile:
        snakefile.write(f"\nimport {package}\n")
    with pytest.raises(dry_run.subprocess.CalledProcessError) as caught:
        dry_run.dry_run(tmp_path)
    assert f"{package.partition('.')[0]} is blocked" in caught.value.stdout
