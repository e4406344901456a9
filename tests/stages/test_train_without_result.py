"""Cells that diverge, run out of memory or fail, and cells that cannot be run at all."""

import math
from dataclasses import replace

import pytest
import torch

from annobench.errors import AnnobenchError, NotIdentifiedError
from annobench.files import read_json
from annobench.stages.record import record
from annobench.stages.train import run


@pytest.fixture
def recorded(saving, read_all, tmp_path):
    """recorded(job): the summary of a cell without a result; its tables are there, and empty."""

    def check(job):
        summary = record(job, saving, {"a": 1}, tmp_path / "cell")
        assert read_json(tmp_path / "cell" / "run.json") == summary
        assert all(frame.empty for frame in read_all(tmp_path / "cell").values())
        assert summary["recipe"] == {"a": 1}
        assert not saving.path.exists()
        return summary

    return check


def test_a_loss_that_is_nan(job, with_loss, recorded):
    cell = with_loss(job(), lambda loss: lambda *args: loss(*args) * math.nan)
    summary = recorded(cell)
    assert summary["status"] == "diverged"
    assert "loss nan" in summary["reason"]
    assert "at step 1" in summary["reason"]


@pytest.mark.parametrize(("epochs", "where"), [(3, "at step 2"), (0.1, "predictions of 27")])
def test_a_learning_rate_beyond_all_bounds(job, recorded, epochs, where):
    """Even where the last step is the one that goes too far."""
    cell = job("sft", "gpt2", lr=3e38, epochs=epochs)
    summary = recorded(cell)
    assert summary["status"] == "diverged"
    assert where in summary["reason"]


def asks_for_too_much(*args):
    torch.empty(2**50)


def raises(error):
    def loss(*args):
        raise error

    return loss


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (raises(torch.OutOfMemoryError("CUDA out of memory. Tried\nmore")), "memory. Tried more"),
        (raises(MemoryError()), "MemoryError"),
        (asks_for_too_much, "can't allocate memory"),
    ],
    ids=["device", "python", "cpu"],
)
def test_out_of_memory(job, with_loss, recorded, loss, reason):
    summary = recorded(with_loss(job(), lambda own: loss))
    assert summary["status"] == "out-of-memory"
    assert summary["reason"].startswith("even with one item in a row (row_tokens 6): ")
    assert reason in summary["reason"]
    assert summary["row_tokens"] == {"asked": 100, "used": None}


def test_a_method_that_fails(job, with_loss, recorded):
    cell = with_loss(job(), lambda loss: raises(ValueError("no such\nlabel")))
    summary = recorded(cell)
    assert summary["status"] == "failed"
    assert summary["reason"] == "ValueError: no such label"


def test_nothing_to_learn_from(job, recorded, annotations):
    cell = replace(job("sft"), annotations=annotations.iloc[:0])
    summary = recorded(cell)
    assert summary["status"] == "failed"
    assert "none of 0 target rows is kept" in summary["reason"]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), AnnobenchError("a file: broken")])
def test_trouble_with_files_is_no_result(job, saving, with_loss, at_call, tmp_path, error):
    """The cell has no record, and its checkpoint stays."""
    cell = with_loss(job(), at_call(4, error))
    with pytest.raises(type(error)):
        record(cell, saving, {}, tmp_path / "cell")
    assert not (tmp_path / "cell").exists()
    assert saving.path.exists()


def test_a_model_file_that_is_gone_or_broken_is_no_result(job, saving, tmp_path):
    cell = job()
    with pytest.raises((OSError, AnnobenchError)):
        record(replace(cell, folder=tmp_path / "nowhere"), saving, {}, tmp_path / "cell")
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in cell.folder.iterdir():
        content = path.read_bytes()
        (broken / path.name).write_bytes(content[:-1] if path.suffix == ".safetensors" else content)
    with pytest.raises(AnnobenchError, match="broken: cannot be loaded"):
        record(replace(cell, folder=broken), saving, {}, tmp_path / "cell")
    assert not (tmp_path / "cell").exists()


@pytest.mark.parametrize("kind", ["sft", "majority", "realm"])
def test_annotations_without_a_name(job, saving, annotations, kind):
    """Refused where names are needed, and no more than absent elsewhere."""
    unsigned = annotations.assign(annotator=annotations["annotator"].where(annotations.index != 3))
    cell = replace(job(kind), annotations=unsigned)
    if cell.method.NEEDS.annotator_ids:
        with pytest.raises(AnnobenchError, match="1 of 36 found without an annotator"):
            run(cell, saving)
    else:
        assert len(run(cell, saving).history) == 9


def test_labels_that_do_not_say_what_was_to_be_learned(job, with_loss, at_call, recorded):
    """The next seed's may, so the study goes on."""
    nobody = NotIdentifiedError("mu: found no attentive users; allowed: a given mu")
    summary = recorded(with_loss(job(), at_call(1, nobody)))
    assert summary["status"] == "failed"
    assert summary["reason"].endswith(str(nobody))
