import os

import pytest

from annobench.errors import AnnobenchError
from annobench.leftovers import cancel, leftovers

QUEUE = """\
11|/home/ann/a|rule_train_wildcards_quick_geo_one-good_smollm2-135m_realm_0
12|/home/ann/a|rule_evaluate_wildcards_quick
13|/home/ann/a|rule_train_wildcards_quick-2_geo_one-good_smollm2-135m_realm_0
14|/home/ann/b|rule_train_wildcards_quick_geo_one-good_smollm2-135m_realm_0
15|/home/ann/a|rule_table_results
16|/home/ann/a|
17|/home/ann/a|a|b
18|/home/ann/a|rule_quick_train
19|/home/ann/b|rule_quick-2_train
"""


def test_only_this_studys_jobs_from_this_folder_are_left_over():
    assert leftovers(QUEUE, "quick", "/home/ann/a") == ["11", "12", "18"]
    assert leftovers(QUEUE, "quick-2", "/home/ann/a") == ["13"]
    assert leftovers(QUEUE, "quick", "/home/ann/b") == ["14"]
    assert leftovers(QUEUE, "quick-2", "/home/ann/b") == ["19"]
    assert leftovers("", "quick", "/home/ann/a") == []


def test_a_folder_is_the_same_by_any_path(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    queue = f"1|{tmp_path / 'link'}|rule_evaluate_wildcards_quick\n"
    assert leftovers(queue, "quick", str(tmp_path)) == ["1"]


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """slurm(program, script): a stand-in for one of Slurm's programs, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def make(program, script):
        path = tmp_path / program
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    return make


def test_what_is_cancelled_is_logged(slurm, tmp_path, caplog):
    (tmp_path / "queue").write_text(f"7|{tmp_path}|rule_evaluate_wildcards_quick\n")
    slurm("squeue", "cat queue")
    slurm("scancel", 'echo "$@" > asked; : > queue')
    cancel("quick")
    assert (tmp_path / "asked").read_text() == "--quiet 7\n"
    assert "cancel jobs of an earlier run: 7" in caplog.text


def test_a_queue_that_does_not_answer_is_one_sentence(slurm):
    slurm("squeue", "echo 'squeue: error: Unable to\n contact slurm controller' >&2; exit 1")
    with pytest.raises(AnnobenchError, match=r"^squeue: found .*Unable to contact slurm"):
        cancel("quick")
