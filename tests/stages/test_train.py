import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from annobench.files import read_json
from annobench.methods import Given
from annobench.models.decoder import DecoderScorer, plain_scores
from annobench.models.settings import Full, Lora, TopLayers
from annobench.registry import component, kinds
from annobench.stages.record import record
from annobench.stages.train import run
from annobench.training.loop import Objective, fit, predict
from annobench.training.rows import rows_of


@pytest.mark.parametrize("tune", [Full(), TopLayers(layers=1)], ids=["full", "top-layers"])
@pytest.mark.parametrize(
    "kind", [k for k in kinds("methods") if not component("methods", k).NEEDS.preferences]
)
def test_every_method_makes_the_whole_walk(job, saving, read_all, tmp_path, items, kind, tune):
    cell = job(kind, tune=tune)
    summary = record(cell, saving, {"method": kind}, tmp_path / "cell")
    assert summary["status"] == "ok", summary["reason"]
    assert read_json(tmp_path / "cell" / "run.json") == summary
    assert summary["precision"] == {"asked": "fp32", "used": "fp32"}
    assert summary["recipe"] == {"method": kind}
    found = read_all(tmp_path / "cell")

    predicted = items[items["split"] == "test"] if hasattr(cell.method, "predictions") else items
    assert found["predictions"]["item"].tolist() == predicted["item"].tolist()
    widths = found["predictions"]["probabilities"].map(len)
    assert widths.tolist() == predicted["options"].map(len).tolist()
    for p in found["predictions"]["probabilities"]:
        assert np.sum(p) == pytest.approx(1)
        assert np.min(p) > 0

    trains = cell.method.NEEDS.training
    learned = found["targets"].loc[found["targets"]["kept"], "item"].nunique()
    steps = 3 * math.ceil(learned / cell.training.items_per_batch)
    assert found["history"]["step"].tolist() == list(range(1, steps + 1))
    assert trains == bool(steps)
    assert found["targets"]["weight"].between(0, 1).all()
    assert set(found["targets"]["item"]) <= set(items.loc[items["split"] == "train", "item"])
    assert summary["train_seconds"] <= summary["total_seconds"]
    assert (summary["items_per_second"] is None) == (not trains)
    assert summary["peak_memory_bytes"] > 0
    assert not saving.path.exists()


def test_zero_shot_predictions_are_the_models(job, saving, build, items):
    cell = job("zero-shot")
    found = run(cell, saving).predictions.set_index("item")["probabilities"]
    model = build("llama")
    for number in range(len(items)):
        scores = plain_scores(model, cell.tokens[number], "sum").softmax(-1)
        assert found[items["item"][number]] == pytest.approx(scores.tolist(), abs=1e-5)


def test_a_cell_fed_with_states_ends_as_one_that_runs_the_whole_model(job, saving, build):
    """Nine steps on the same two layers, from the states or from the tokens."""
    cell = job("realm", tune=TopLayers(layers=2))
    cached = run(cell, saving)
    saving.path.unlink()

    whole = build("llama")
    for name, parameter in whole.named_parameters():
        trained = ("model.layers.1.", "model.layers.2.", "model.norm.")
        parameter.requires_grad_(name.startswith(trained))
    scorer = DecoderScorer(whole, cell.tokens, "sum", 100, whole.device)
    train_items = cell.items[cell.items["split"] == "train"]
    given = Given(train_items, cell.annotations)
    targets = cell.method.targets(given, cell.settings)
    rows = rows_of(targets, cell.items, given.annotators, given.tasks)
    objective = Objective(cell.method, cell.settings, given, rows)
    extra, history = fit(scorer, objective, cell.training, cell.stream, saving)
    p = predict(scorer, np.arange(len(cell.items)), 4, "fp32").exp()

    assert cached.history["loss"].tolist() == pytest.approx([h["loss"] for h in history], abs=1e-5)
    for row, wanted in zip(cached.predictions["probabilities"], p.tolist(), strict=True):
        assert row == pytest.approx(wanted[: len(row)], abs=1e-4)
    assert cached.annotators["expertise"].tolist() == pytest.approx(
        extra["omega"].sigmoid().tolist(), abs=1e-4
    )


def test_realm_writes_responsibilities_and_expertise(job, saving, annotations):
    cell = job("realm", epochs=6, settings={"freeze_epochs": 1.0, "expertise_lr": 0.1})
    done = run(cell, saving)
    assert done.targets["weight"].between(0.01, 0.999).all()
    assert done.targets["weight"].nunique() > len(done.targets) / 2
    assert done.annotators["annotator"].tolist() == ["ann", "bob", "cat", "dan"]
    counts = annotations["annotator"].value_counts()
    assert done.annotators["annotations"].tolist() == [
        counts[n] for n in ("ann", "bob", "cat", "dan")
    ]
    assert done.annotators["task"].unique().tolist() == ["colour"]
    assert done.annotators["expertise"].between(0, 1).all()


def test_weights_go_to_the_rows_that_were_kept(job, saving):
    """Some rows dropped: their weight stays as the method gave it, and they teach nothing."""
    cell = job("realm")
    method = SimpleNamespace(**vars(cell.method))

    def targets(*args):
        found = cell.method.targets(*args)
        dropped = np.arange(len(found)) % 3 == 0
        return found.assign(kept=~dropped, weight=np.where(dropped, 0.25, 1.0))

    method.targets = targets
    done = run(replace(cell, method=method), saving)
    dropped = done.targets[~done.targets["kept"]]
    assert dropped["weight"].eq(0.25).all()
    assert done.targets.loc[done.targets["kept"], "weight"].ne(1).all()

    fewer = done.targets[done.targets["kept"]].assign(weight=1.0).reset_index(drop=True)
    method.targets = lambda *args: fewer.copy()
    again = run(replace(cell, method=method), saving)
    pd.testing.assert_frame_equal(again.predictions, done.predictions)
    kept = done.targets[done.targets["kept"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.targets, kept)


def test_several_tasks_are_one_row_called_all(job, saving, items):
    cell = job("majority")
    tasks = items.assign(task=np.where(np.arange(len(items)) % 2, "colour", "shape"))
    done = run(replace(cell, items=tasks), saving)
    assert done.annotators["task"].unique().tolist() == ["all"]


def test_the_same_cell_twice(job, saving):
    first, second = run(job("realm"), saving), run(job("realm"), saving)
    for name in ("targets", "predictions", "annotators"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_an_interrupted_cell_ends_as_an_uninterrupted_one(
    job, saving, read_all, with_loss, at_call, tmp_path, family
):
    cell = job("realm", family)
    record(cell, saving, {}, tmp_path / "whole")
    wanted = read_all(tmp_path / "whole")
    for call in (2, 5, 9):
        folder = tmp_path / f"interrupted {call}"
        with pytest.raises(KeyboardInterrupt):
            record(with_loss(cell, at_call(call, KeyboardInterrupt())), saving, {}, folder)
        assert saving.path.exists()
        assert not folder.exists()
        assert record(cell, saving, {}, folder)["status"] == "ok"
        assert not saving.path.exists()
        found = read_all(folder)
        clock = ["seconds", "items_per_second"]
        for name in wanted:
            pd.testing.assert_frame_equal(
                found[name].drop(columns=clock, errors="ignore"),
                wanted[name].drop(columns=clock, errors="ignore"),
            )


def test_adapters_make_the_whole_walk_from_their_own_stream(job, saving):
    """The same cell twice, whatever was drawn before; another seed starts elsewhere."""
    cell = job("realm", tune=Lora(rank=2))
    torch.manual_seed(1)
    first = run(cell, saving)
    saving.path.unlink()
    torch.manual_seed(2)
    again = run(cell, saving)
    saving.path.unlink()
    other = run(replace(cell, stream=("llama", 1)), saving)
    assert first.predictions.equals(again.predictions)
    assert first.history["loss"].equals(again.history["loss"])
    assert not first.predictions.equals(other.predictions)
    assert first.history["loss"].iloc[-1] != first.history["loss"].iloc[0]


@pytest.mark.parametrize("tune", [Full(), Lora(rank=2)], ids=["full", "lora"])
@pytest.mark.parametrize("family", ["llama", "t5"])
def test_recomputed_activations_end_the_same(job, saving, family, tune):
    kept = run(job("sft", family, tune), saving)
    saving.path.unlink()
    recomputed = run(job("sft", family, tune, gradient_checkpointing=True), saving)
    found, wanted = (run.history["loss"].tolist() for run in (recomputed, kept))
    assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_cell_says_in_which_rows_it_fitted(
    job, saving, read_all, with_loss, at_call, tmp_path, family
):
    plain = record(job("sft", family), saving, {}, tmp_path / "plain")
    assert plain["row_tokens"] == {"asked": 100, "used": 100}
    tight = with_loss(job("sft", family), at_call(4, torch.OutOfMemoryError("CUDA out of memory")))
    summary = record(tight, saving, {}, tmp_path / "tight")
    assert summary["status"] == "ok", summary["reason"]
    assert summary["row_tokens"] == {"asked": 100, "used": 50}
    found, wanted = (read_all(tmp_path / name)["history"] for name in ("tight", "plain"))
    assert found["loss"].tolist() == pytest.approx(wanted["loss"].tolist(), rel=1e-4)
