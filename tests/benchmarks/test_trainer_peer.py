import math

import pytest
import sides
import torch
from trainer_peer import NOT_AN_ANSWER, RealmTrainer, arguments, collate, examples, freeze

from annobench.methods import realm
from annobench.models.asking import Asker
from annobench.models.decoder import frozen_states
from annobench.models.loading import load_model
from annobench.models.settings import Model, TopLayers, Views
from annobench.models.tokens import TokenItem
from annobench.models.tuning import load_scorer
from annobench.stages.encode import tokens_of
from annobench.stages.job import Job
from annobench.training.loop import Checkpointing, Objective, fit
from annobench.training.rows import rows_of
from annobench.training.settings import Training

SETTINGS = realm.Settings(expertise_lr=0.2)
CPU = torch.device("cpu")


@pytest.fixture
def job(saved, items, annotations, tmp_path):
    """REALM on the top two of three layers in fp32, all 18 training items in every step."""
    model = Model(source="path:tiny", tune=TopLayers(layers=2))
    tokens = tokens_of(items, saved("llama"), model)
    training = Training(epochs=3, items_per_batch=18, lr=1e-3, precision="fp32")
    return Job(
        items=items,
        annotations=annotations,
        truth=None,
        tokens=tokens,
        states=frozen_states(load_model(saved("llama")), tokens, 2, 1024),
        folder=saved("llama"),
        model=model,
        method=realm,
        settings=SETTINGS,
        training=training,
        stream=("tiny", 0),
        asker=Asker(saved("llama"), model, Views(), training, ()),
        answers=tmp_path,
        answers_recipe="",
    )


@pytest.fixture
def peer(job, tmp_path):
    model = load_model(job.folder)
    freeze(model, job.model.tune)
    given = sides.given(job)
    data = examples(job.tokens, sides.numbered(job, given.annotators))
    return RealmTrainer(
        model,
        given,
        job.training,
        SETTINGS,
        args=arguments(job.training, len(data), 0, tmp_path),
        train_dataset=data,
        data_collator=collate,
    )


def engine_walk(job):
    """The engine's trained module, learned omega and loss at every step."""
    scorer = load_scorer(job.folder, job.model, job.tokens, job.states, 1024, CPU)
    given = sides.given(job)
    targets = realm.targets(given, SETTINGS)
    rows = rows_of(targets, job.items, given.annotators, given.tasks)
    objective = Objective(realm, SETTINGS, given, rows)
    never = Checkpointing(job.folder / "never", math.inf, "")
    extra, history = fit(scorer, objective, job.training, job.stream, never)
    return scorer.model, extra["omega"], [row["loss"] for row in history]


def peer_loss(peer):
    batch = collate(peer.train_dataset)
    return peer.compute_loss(peer.model, batch).item()


def test_the_peers_loss_is_the_engines(job, peer):
    _, _, losses = engine_walk(job)
    assert peer_loss(peer) == pytest.approx(losses[0], abs=1e-4)


def test_the_peer_takes_the_engines_steps(job, peer):
    """Three steps of all annotations: the same schedule, clipping, decay, freeze of omega."""
    module, omega, losses = engine_walk(job)
    peer.train()
    assert peer.state.global_step == len(losses) == 3
    assert losses[-1] < losses[0] - 0.01
    torch.testing.assert_close(peer.omega.detach(), omega, atol=1e-3, rtol=0)
    assert (omega - realm.parameters(sides.given(job), SETTINGS)["omega"]).abs().max() > 0.05
    ours = dict(module.named_parameters())
    learned = {
        name.replace("layers.1.", "layers.0.").replace("layers.2.", "layers.1."): p
        for name, p in peer.model.named_parameters()
        if p.requires_grad and name != "omega"
    }
    trained = {name.removeprefix("model."): p for name, p in ours.items() if p.requires_grad}
    assert learned.keys() == trained.keys()
    for name, parameter in learned.items():
        torch.testing.assert_close(parameter, trained[name], atol=1e-4, rtol=0)


def test_the_sides_measure_the_same_training(job, tmp_path):
    engine = sides.engine(job)
    trainer = sides.trainer(job, 0, None, tmp_path)
    assert engine.accuracy == trainer.accuracy
    assert engine.steps == trainer.steps == 3
    assert engine.trained_parameters == trainer.trained_parameters
    assert not trainer.extrapolated


def test_a_share_of_an_epoch_is_extrapolated_and_has_no_accuracy(job, tmp_path):
    small = job.training.model_copy(update={"items_per_batch": 2})
    cut = sides.trainer(sides.replace(job, training=small), 0, 0.1, tmp_path)
    assert (cut.extrapolated, cut.accuracy, cut.steps) == (True, None, 27)
    assert cut.seconds > 0


def test_collate_pads_sequences_and_marks_answers():
    items = [
        TokenItem("a", (5, 6), ((7,), (8, 9))),
        TokenItem("b", (5, 6, 4), ((7,), (8,), (9, 1, 2))),
    ]
    batch = collate(examples(items, [(1, 2, 0), (0, 1, 3)]))
    none = NOT_AN_ANSWER
    assert batch["input_ids"].tolist() == [
        [5, 6, 4, 7, 0, 0],
        [5, 6, 4, 8, 0, 0],
        [5, 6, 4, 9, 1, 2],
        [5, 6, 7, 0, 0, 0],
        [5, 6, 8, 9, 0, 0],
    ]
    assert batch["attention_mask"].sum(1).tolist() == [4, 4, 6, 3, 4]
    assert batch["labels"].tolist() == [
        [none, none, 7, none, none, none],
        [none, none, 8, none, none, none],
        [none, none, 9, 1, 2, none],
        [none, 7, none, none, none, none],
        [none, 8, 9, none, none, none],
    ]
    assert batch["options"].tolist() == [3, 2]
    assert batch["label"].tolist() == [2, 1]
    assert batch["annotator"].tolist() == [0, 3]


def test_annotations_are_numbered_by_item_and_sorted_annotator(job):
    names = sides.given(job).annotators
    assert names == ["ann", "bob", "cat", "dan"]
    for (item, label, annotator), row in zip(
        sides.numbered(job, names), job.annotations.itertuples(), strict=True
    ):
        assert (job.items["item"][item], names[annotator]) == (row.item, row.annotator)
        assert label == row.label
