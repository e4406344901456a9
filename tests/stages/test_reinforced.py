"""Cells that learn to write distributions down, by imitation or by reinforcement."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.methods import shala
from annobench.models.loading import load_model
from annobench.models.saving import put_in
from annobench.models.settings import Full, Lora, TopLayers, Verbal, Views
from annobench.models.tuning import scorer_of
from annobench.stages.lessons import means
from annobench.stages.predictions import predict_items
from annobench.stages.record import record
from annobench.stages.train import run
from annobench.training import policy

TUNES = [Full(), TopLayers(layers=1), Lora(rank=2)]


@pytest.fixture
def people(job, items, annotations):
    """people(kind, ...): a cell whose items have people's labels and are asked about them."""
    labels = annotations.groupby("item")["label"].agg(list)

    def shares(item, options):
        found = labels.get(item, list(range(len(options))))
        return (np.bincount(found, minlength=len(options)) / len(found)).tolist()

    known = items.assign(
        distribution=[shares(*row) for row in zip(items["item"], items["options"], strict=True)]
    )

    def make(kind, family="llama", tune=None, settings=None, **training):
        if kind.startswith("shala"):
            settings = {"format_steps": 2, "group": 4} | (settings or {})
        made = job(kind, family, tune, settings, **({"epochs": 2} | training))
        views = Views(verbal=Verbal(form="list", tokens=6), side_by_side=8)
        return replace(made, items=known, asker=replace(made.asker, views=views))

    return make


@pytest.fixture
def readable(monkeypatch):
    """A random model writes no percentages: here a text with a cat in it is sure of the first."""

    def read(text, options):
        sure = [1.0] + [0.0] * (len(options) - 1)
        return sure if "cat" in text else [1 / len(options)] * len(options)

    monkeypatch.setattr(policy, "percentages", SimpleNamespace(read=read))


@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.kind)
@pytest.mark.parametrize("kind", ["shala", "verbal-sft"])
def test_what_was_trained_is_the_models(people, readable, saving, kind, tune):
    """The parameters that a cell leaves make a model that scores options as the cell did."""
    cell = replace(people(kind, tune=tune, lr=5e-3), export=True)
    done = run(cell, saving)
    whole = load_model(cell.folder)
    put_in(whole, cell.model, done.parameters)
    fresh = dict(load_model(cell.folder).named_parameters())
    changed = [
        name
        for name, parameter in whole.named_parameters()
        if name in fresh and not torch.equal(parameter, fresh[name])
    ]
    if isinstance(tune, TopLayers):
        assert changed
        assert all(name.startswith(("model.layers.2.", "model.norm")) for name in changed)
    scorer = scorer_of(whole, cell.model, cell.tokens, None, 100, torch.device("cpu"))
    log_p = predict_items(scorer, cell.items, "fp32")
    found = [p[p > 0] for p in log_p.exp().double().numpy()]
    for own, wanted in zip(found, done.predictions["probabilities"], strict=True):
        np.testing.assert_allclose(own, wanted, atol=1e-5)


def test_a_cell_records_its_rewards_and_its_rollouts(people, readable, saving, read_all, tmp_path):
    cell = people("shala", settings={"updates": 2}, lr=5e-3)
    summary = record(cell, saving, {"method": {}}, tmp_path)
    assert summary["status"] == "ok", summary["reason"]
    assert summary["rollouts_per_second"] > 0
    assert 0 < summary["rollout_share"] < 1
    assert json.loads((tmp_path / "run.json").read_text())["rollouts_per_second"]
    frames = read_all(tmp_path)
    history = frames["history"]
    assert len(history) == 2 * 3 * 2  # epochs, batches of 6 among 18 items, updates
    assert history["reward"].between(0, 1.1).all()
    assert (history["parsed"] == 1).all()
    assert (history["kl"] >= -1e-6).all()
    targets = frames["targets"]
    assert targets["annotator"].isna().all()
    said = frames["predictions"].set_index("item")["text"]
    test = cell.items.loc[cell.items["split"] == "test", "item"]
    assert said[test].notna().all()
    assert said.drop(test).isna().all()


def test_an_interrupted_cell_ends_as_an_uninterrupted_one(
    people, readable, saving, tmp_path, monkeypatch
):
    whole = run(people("shala", lr=5e-3), replace(saving, seconds=1e9))
    backward, calls = policy._backward, []

    def stop(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return backward(*arguments)

    monkeypatch.setattr(policy, "_backward", stop)
    with pytest.raises(KeyboardInterrupt):
        run(people("shala", lr=5e-3), saving)
    monkeypatch.setattr(policy, "_backward", backward)
    resumed = run(people("shala", lr=5e-3), saving)
    pd.testing.assert_frame_equal(resumed.predictions, whole.predictions)


def test_the_warm_up_is_every_arms_own_and_knows_no_labels(people, readable, saving):
    """Without a step of reinforcement all arms are one model, whatever they were given."""
    found = []
    for kind, settings in [("shala", {}), ("shala", {"reward": "hard"}), ("shala-realm", {})]:
        cell = people(kind, settings=settings, lr=1e-12)
        shuffled = cell.annotations.assign(label=0)
        for labels in (cell.annotations, shuffled):
            done = run(replace(cell, annotations=labels), saving)
            saving.path.unlink()
            found.append(np.concatenate(done.predictions["probabilities"].tolist()))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-6)


def test_labels_count_by_the_expertise_that_realm_learns(people, readable, saving):
    cell = people("shala-realm", lr=1e-2, epochs=3)
    done = run(cell, saving)
    beta = done.annotators.set_index("annotator")["expertise"]
    assert set(beta.index) == {"ann", "bob", "cat", "dan"}
    assert beta.nunique() > 1
    for annotator, rows in done.targets.groupby("annotator"):
        assert rows["weight"].to_numpy() == pytest.approx(beta[annotator])
    shares = means(done.targets)
    rows = done.targets[done.targets["item"] == shares.index[0]]
    weights = rows["weight"].to_numpy()
    wanted = (np.stack(rows["distribution"].tolist()) * weights[:, None]).sum(0) / weights.sum()
    np.testing.assert_allclose(shares.iloc[0], wanted)


def test_realm_is_trained_first_in_its_own_way(people, readable, saving):
    """As the cell of `realm` beside it, whatever the rollouts' training is."""
    own = {"epochs": 3, "lr": 1e-2, "items_per_batch": 3}
    realm = people("realm", settings={"expertise_lr": 0.5}, **own)
    wanted = run(realm, saving).annotators
    saving.path.unlink()
    settings = {"realm": {"expertise_lr": 0.5}, "realm_training": own}
    found = run(people("shala-realm", settings=settings, epochs=1), saving).annotators
    assert found["expertise"].tolist() == pytest.approx(wanted["expertise"].tolist(), abs=1e-6)


def test_imitation_learns_the_text(people, saving):
    done = run(people("verbal-sft", lr=1e-2, epochs=12), saving)
    losses = done.history["loss"].to_numpy()
    assert losses[-1] < losses[0] / 2


def test_a_model_that_cannot_be_generated_from_by_prefix_is_refused(people, saving):
    with pytest.raises(AnnobenchError, match="encoder-decoder"):
        run(people("shala", family="t5"), saving)


def test_the_weight_of_contested_items_comes_after_the_normalisation():
    """Scaled rewards give the same advantages; the weight does not."""
    human = np.array([[0.5, 0.5], [1.0, 0.0]])
    options = np.array([2, 2])
    rewards = np.array([[0.1, 0.9, 0.4], [0.3, 0.2, 0.9]])
    plain = shala.Settings(ambiguity=0)
    scaled = np.array([[2.0], [1.0]]) * rewards
    before = shala.advantage(scaled, human, options, plain)
    np.testing.assert_allclose(before, shala.advantage(rewards, human, options, plain), rtol=1e-3)
    weighted = shala.advantage(rewards, human, options, shala.Settings(ambiguity=1))
    np.testing.assert_allclose(weighted[0], 2 * shala.advantage(rewards, human, options, plain)[0])
    np.testing.assert_allclose(weighted[1], shala.advantage(rewards, human, options, plain)[1])
