"""What a cell writes is what evaluate reads."""

import pandas as pd
import pytest

from annobench import tables
from annobench.evaluation.study import evaluate
from annobench.models.settings import Full, TopLayers
from annobench.stages.evaluate import read_cell, read_crowd
from annobench.stages.train import record


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
    read = read_cell(tmp_path / "cell", **place, model="m", method="realm")
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
    layer = sum(p.numel() for p in model.model.layers[-1].parameters())
    norm = model.model.norm.weight.numel()
    expected = layer + norm if tune.kind == "top-layers" else model.num_parameters()
    assert run["trained_parameters"] == expected
    crowds = frames.crowds.iloc[0]
    assert crowds["annotations"] == len(annotations)
    assert crowds["label_accuracy"] > 0.5


def test_a_method_that_trains_nothing_says_so(job, saving, tmp_path):
    assert record(job("zero-shot"), saving, {}, tmp_path / "cell")["trained_parameters"] == 0
