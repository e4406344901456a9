"""What a cell writes is what evaluate reads."""

from dataclasses import replace

import pandas as pd
import pytest

from annobench import tables
from annobench.evaluation.study import evaluate
from annobench.models.settings import Full, TopLayers
from annobench.noise.response import Settings
from annobench.stages.annotate import annotate
from annobench.stages.evaluate import read_cells, read_crowd
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
