"""What a cell writes is what evaluate reads."""

import os
from dataclasses import fields, replace

import pandas as pd
import pytest

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation.given import given as known_of
from annobench.evaluation.study import combine, evaluate
from annobench.models.settings import Full, TopLayers
from annobench.noise.response import Settings
from annobench.stages.annotate import annotate
from annobench.stages.evaluate import fingerprint, measure_all, read_cells, read_crowd
from annobench.stages.record import record
from annobench.study import Cell


@pytest.mark.parametrize("tune", [Full(), TopLayers(layers=1)], ids=["full", "top-layers"])
def test_a_recorded_cell_is_measured(job, saving, items, annotations, build, tune, tmp_path):
    """Labels of the test items are held out by construction: the method sees those of training."""
    held = pd.DataFrame({"item": items["item"], "label": 0, "annotator": "ann"})
    held = held[items["split"] == "test"]
    given = pd.concat([annotations, held], ignore_index=True)
    tables.write(tmp_path / "a.parquet", given, tables.ANNOTATIONS)
    tables.write(tmp_path / "t.parquet", tables.empty(tables.TRUTH), tables.TRUTH)
    cell = job("realm", tune=tune)
    place = {"dataset": "d", "noise": "n", "seed": 0}
    record(cell, saving, {"method": {"kind": "realm", "b": 1}}, tmp_path / "cell")
    [read] = read_cells([(tmp_path / "cell", Cell(**place, model="m", method="realm"))])
    crowd = read_crowd(tmp_path / "a.parquet", tmp_path / "t.parquet", **place)
    frames = evaluate([read], {"d": items}, [crowd])

    means = frames.summary.set_index("metric")["mean"]
    assert 0 <= means["accuracy"] <= 1
    assert means["heldout-nll"] > 0
    assert "expertise-spearman" not in means  # there is no truth
    run = frames.runs.iloc[0]
    model = build("llama")
    assert run["settings"] == '{"b":1,"kind":"realm"}'
    assert run["parameters"] == model.num_parameters()
    assert pd.isna(frames.costs.iloc[0]["rollout_share"])
    layer = sum(p.numel() for p in model.model.layers[-1].parameters())
    norm = model.model.norm.weight.numel()
    expected = layer + norm if tune.kind == "top-layers" else model.num_parameters()
    assert run["trained_parameters"] == expected
    crowds = frames.crowds.iloc[0]
    assert crowds["annotations"] == len(annotations)
    assert crowds["label_accuracy"] > 0.5


def test_a_method_that_trains_nothing_says_so(job, saving, tmp_path):
    assert record(job("zero-shot"), saving, {}, tmp_path / "cell")["trained_parameters"] == 0


@pytest.mark.parametrize(
    ("kind", "detects"),
    [
        ("sft", False),
        ("token-sft", False),
        ("majority", False),
        ("soft-labels", False),
        ("label-smoothing", False),
        ("generalised-cross-entropy", True),
        ("symmetric-cross-entropy", True),
    ],
)
def test_responses_that_nobody_signed_teach_and_are_judged(
    kind, detects, job, saving, items, tmp_path
):
    """Who weighs labels has an AUC, who believes them all has no measure of detection."""
    tables.write(tmp_path / "items.parquet", items, tables.ITEMS)
    items = tables.read(tmp_path / "items.parquet", tables.ITEMS)
    given, truth = annotate(items, None, "d", "n", "response", Settings(rate=0.5), 0)
    tables.write(tmp_path / "a.parquet", given, tables.ANNOTATIONS)
    tables.write(tmp_path / "t.parquet", truth, tables.TRUTH)
    place = {"dataset": "d", "noise": "n", "seed": 0}
    crowd = read_crowd(tmp_path / "a.parquet", tmp_path / "t.parquet", **place)
    cell = replace(job(kind), annotations=crowd.annotations)
    record(cell, saving, {"method": {}}, tmp_path / "cell")
    [read] = read_cells([(tmp_path / "cell", Cell(**place, model="m", method=kind))])
    frames = evaluate([read], {"d": items}, [crowd])
    assert frames.crowds.iloc[0]["label_accuracy"] == 0.5
    found = frames.metrics.set_index("metric")["value"]
    assert found["target-accuracy"] > 0
    assert ("detection-auc" in found) == detects
    if detects:
        assert 0 <= found["detection-auc"] <= 1
        assert found["detection-recall"] == 0  # it weighs labels and leaves none out


@pytest.fixture
def of_two_models(job, saving, tmp_path):
    """Cells that come by method, so that those of a model do not follow each other."""
    found = []
    for method in ("sft", "zero-shot"):
        for model in ("one", "two"):
            place = {"model": model, "method": method}
            trained = method == "sft"
            cell = Cell("d", "n" if trained else None, model, method, 0 if trained else None)
            folder = tmp_path / method / model
            record(job(method), saving, {"method": place}, folder)
            found.append((folder, cell))
    return found


def test_processes_beside_each_other_measure_what_one_does(of_two_models, items):
    known = known_of({"d": items})
    alone = combine(known, measure_all(of_two_models, known))
    beside = combine(known, measure_all(of_two_models, known, processes=2))
    plain = evaluate(read_cells(of_two_models), {"d": items})
    for field in fields(alone):
        found = getattr(alone, field.name)
        pd.testing.assert_frame_equal(found, getattr(beside, field.name))
        pd.testing.assert_frame_equal(found, getattr(plain, field.name))
    assert alone.runs["method"].tolist() == ["sft", "sft", "zero-shot", "zero-shot"]
    assert alone.runs["model"].tolist() == ["one", "two", "one", "two"]
    assert len(alone.history)


def test_a_fault_in_a_process_is_its_own_sentence(of_two_models, items):
    folder, _ = of_two_models[-1]
    (folder / "targets.parquet").write_bytes(b"no table")
    with pytest.raises(AnnobenchError, match=r"targets\.parquet: is damaged"):
        measure_all(of_two_models, known_of({"d": items}), processes=2)


def test_a_killed_process_is_one_sentence(of_two_models, items, monkeypatch):
    monkeypatch.setattr("annobench.stages.evaluate._measure", lambda *_: os.kill(os.getpid(), 9))
    with pytest.raises(AnnobenchError, match="one of its processes was killed"):
        measure_all(of_two_models, known_of({"d": items}), processes=2)


def test_what_cells_say_of_themselves_has_one_fingerprint(of_two_models):
    folders = [folder for folder, _ in of_two_models]
    before = fingerprint(folders)
    assert before["cells"] == 4
    assert fingerprint(folders) == before
    assert fingerprint(folders[:3]) != before
    run = folders[2] / "run.json"
    run.write_text(run.read_text().replace("ok", "failed"))
    assert fingerprint(folders) != before
