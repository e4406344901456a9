from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from annobench import tables
from annobench.models.asking import Asker
from annobench.models.settings import Full, Model, Verbal, Views
from annobench.registry import component
from annobench.stages.encode import encode
from annobench.stages.job import Job
from annobench.stages.view import view
from annobench.training.loop import Checkpointing
from annobench.training.settings import Training


@pytest.fixture(scope="session")
def vectors():
    """vectors(items): random unit vectors, as a sentence encoder might give."""

    def draw(items):
        rows = np.random.default_rng(0).normal(size=(len(items), 4))
        return pd.DataFrame(rows / np.linalg.norm(rows, axis=1, keepdims=True), items["item"])

    return draw


@pytest.fixture
def job(saved, items, annotations, vectors, tmp_path):
    """job(kind, family, tune, training keys): a cell of 18 training and 9 test items."""

    names = ["ann", "bob", "cat", "dan"]
    truth = pd.DataFrame(
        {"annotator": names, "task": "colour", "expertise": [1, 1, 0.0, 0.0], "accuracy": 0.5}
    )

    def make(kind="realm", family="llama", tune=None, settings=None, asks=None, **training):
        method = component("methods", kind)
        folder = saved(family)
        model = Model(source="path:any", tune=tune or Full(), **(asks or {}))
        keys = {"precision": "fp32", "items_per_batch": 6, "lr": 1e-3, "row_tokens": 100}
        training = Training(**(keys | training))
        tokens, states = encode(items, folder, model, training)
        own = method.Settings(**(settings or {}))
        verbal = Verbal(form="list", tokens=6) if method.NEEDS.verbal else None
        views = Views(answer_tokens=4, new_tokens=8, verbal=verbal)
        asker = Asker(folder, model, views, training, ("asked",))
        names = method.views(own) if hasattr(method, "views") else ()
        return Job(
            items=items,
            annotations=annotations if method.NEEDS.annotations else None,
            truth=truth if method.NEEDS.truth else None,
            tokens=tokens,
            states=states,
            folder=folder,
            model=model,
            method=method,
            settings=own,
            training=training,
            stream=("llama", 0),
            asker=asker,
            answers=tmp_path / "asked",
            answers_recipe="the model as it is",
            views={name: view(name, asker, items, reflections=1) for name in names},
            embeddings=vectors(items) if method.NEEDS.embeddings else None,
        )

    return make


@pytest.fixture
def saving(tmp_path):
    return Checkpointing(tmp_path / "checkpoints" / "cell.safetensors", 0, "recipe")


@pytest.fixture(scope="session")
def read_all():
    """read_all(folder): the four tables of a cell, by name."""
    schemas = {
        "targets": tables.TARGETS,
        "predictions": tables.PREDICTIONS,
        "annotators": tables.ANNOTATORS,
        "history": tables.HISTORY,
    }

    def read(folder):
        return {
            name: tables.read(folder / f"{name}.parquet", schema)
            for name, schema in schemas.items()
        }

    return read


@pytest.fixture(scope="session")
def with_loss():
    """with_loss(job, wrap): the same cell with the loss wrap(the method's own loss)."""

    def change(job, wrap):
        method = SimpleNamespace(**vars(job.method))
        method.loss = wrap(job.method.loss)
        return replace(job, method=method)

    return change


@pytest.fixture(scope="session")
def at_call():
    """at_call(n, error): wraps a loss so that its n-th call raises the error."""

    def make(number, error):
        calls = []

        def wrap(loss):
            def interrupted(*args):
                calls.append(1)
                if len(calls) == number:
                    raise error
                return loss(*args)

            return interrupted

        return wrap

    return make
