"""REALM on the real small model finds out whom to believe."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import spearmanr

from annobench.data import geo
from annobench.models.asking import Asker
from annobench.models.settings import Model, Views
from annobench.noise import expertise
from annobench.registry import component
from annobench.seeds import generator
from annobench.stages import encode, train
from annobench.training.loop import Checkpointing
from annobench.training.settings import Training

MODEL = Model(source="path:.")
TRAINING = Training(epochs=2)


@pytest.fixture(scope="module")
def crowd(smollm2):
    items = geo.items("geo", geo.Settings(train=240, test=120))
    tokens, states = encode.encode(items, smollm2, MODEL, TRAINING)
    noise = expertise.Settings(ladder="linear")
    annotations, truth = expertise.annotate(items, None, noise, generator("real training"))
    return SimpleNamespace(
        items=items, tokens=tokens, states=states, annotations=annotations, truth=truth
    )


@pytest.fixture(scope="module")
def results(crowd, smollm2, tmp_path_factory):
    saving = Checkpointing(tmp_path_factory.mktemp("checkpoints") / "x.safetensors", 1e9, "")
    found = {}
    for kind, keys in {"zero-shot": {}, "sft": {}, "realm": {"expertise_lr": 0.4}}.items():
        method = component("methods", kind)
        job = train.Job(
            items=crowd.items,
            annotations=crowd.annotations if method.NEEDS.annotations else None,
            truth=None,
            tokens=crowd.tokens,
            states=crowd.states,
            folder=smollm2,
            model=MODEL,
            method=method,
            settings=method.Settings(**keys),
            training=TRAINING,
            stream=("smollm2-135m", 0),
            asker=Asker(smollm2, MODEL, Views(), TRAINING, ()),
            answers=tmp_path_factory.mktemp("answers"),
            answers_recipe="",
        )
        found[kind] = train.run(job, saving)
    return found


def test_learned_expertise_follows_the_true_one(results, crowd):
    learned = results["realm"].annotators.set_index("annotator")["expertise"]
    true = crowd.truth.set_index("annotator")["expertise"]
    assert spearmanr(learned.reindex(true.index), true).statistic > 0.8


def test_right_labels_have_more_responsibility_than_wrong_ones(results, crowd):
    targets = results["realm"].targets
    gold = targets["item"].map(crowd.items.set_index("item")["gold"])
    right = targets["distribution"].map(np.argmax) == gold
    assert targets["weight"][right].mean() > targets["weight"][~right].mean() + 0.2


def test_training_on_noisy_labels_still_helps(results, crowd):
    gold = crowd.items.set_index("item")["gold"]

    def nll(kind):
        told = results[kind].predictions.set_index("item")["probabilities"]
        return -np.mean([np.log(p[gold[item]]) for item, p in told.items()])

    assert max(nll("realm"), nll("sft")) < nll("zero-shot")
