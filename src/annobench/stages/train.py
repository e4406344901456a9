"""Train: one cell, from annotations to predictions of all items."""

from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from annobench import annotators, tables, views
from annobench.errors import AnnobenchError
from annobench.methods import Given, token_sft
from annobench.models.settings import Views
from annobench.settings import Settings
from annobench.stages.aligned import aligned
from annobench.stages.job import NEVER, Job, Trained, put, scorer_of
from annobench.stages.lessons import lesson_of
from annobench.stages.predictions import predict_items, prediction_frame
from annobench.stages.reinforced import reinforced, sampling
from annobench.stages.untrained import Untrained
from annobench.targets import is_free_text
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing, Objective, fit
from annobench.training.rows import rows_of
from annobench.training.settings import merged


def run(job: Job, saving: Checkpointing) -> Trained:
    """Train a cell and predict all items; of a free-text data set all but the training items.

    Raises:
        DivergedError: the loss is no longer finite.
        torch.OutOfMemoryError, MemoryError: the device's memory does not suffice.
    """
    torch.set_num_threads(job.training.threads)
    given = _given(job)
    targets = job.method.targets(given, job.settings)
    torch.set_num_threads(job.training.threads)  # asking set its own
    if not job.method.NEEDS.training:
        return _untaught(job, given, targets)
    if job.method.NEEDS.preferences:
        return aligned(job, given, targets, saving)
    return _taught(job, replace(given, model=None), targets, saving)  # None for its memory


def _taught(job: Job, given: Given, targets: pd.DataFrame, saving: Checkpointing) -> Trained:
    needs, free = job.method.NEEDS, is_free_text(job.items)
    lesson = lesson_of(job, targets)
    extra: dict[str, Tensor] = {}
    before = 0.0
    if needs.rollouts:
        learned, history, row_tokens, before = reinforced(job, lesson, saving)
    else:
        rows = rows_of(lesson.targets, lesson.items, given.annotators, given.tasks)
        scorer = scorer_of(job, lesson.tokens, lesson.states)
        objective = Objective(job.method, job.settings, given, rows)
        extra, history = fit(scorer, objective, job.training, job.stream, saving)
        learned = {name: p.detach().cpu() for name, p in trained(scorer.model).items()}
        row_tokens = scorer.row_tokens
        del objective
    if needs.verbal:  # what it learned in words is measured by its options, too
        scorer = scorer_of(job, job.tokens, job.states)
        put(scorer, learned)
    asked = lesson.items if free else job.items
    log_p = predict_items(scorer, asked, job.training.precision)
    if not needs.verbal:
        width = rows.distribution.shape[1]
        weights = job.method.weights(log_p[rows.item, :width], rows, extra, job.settings)
        targets.loc[targets["kept"], "weight"] = weights.double().numpy()
    expertise = job.method.expertise(given, targets, extra, job.settings)
    crowd = tables.empty(tables.ANNOTATORS)
    if expertise is not None:
        crowd = annotators.table(expertise, given, job.items, log_p.double().exp().numpy())
    del scorer  # what is asked for in words loads the model anew
    done = pd.DataFrame(history).astype({"step": "int64"})
    return Trained(
        targets,
        _said(job, learned) if free else _with_words(job, learned, log_p),
        crowd,
        done.drop(columns=["rollout_seconds", "rollouts"], errors="ignore"),
        train_seconds=before + history[-1]["seconds"],
        row_tokens=row_tokens,
        parameters=learned if job.export else {},
        trained_parameters=sum(p.numel() for p in learned.values()),
        **(sampling(done, before) if needs.rollouts else {}),
    )


def _untaught(job: Job, given: Given, targets: pd.DataFrame) -> Trained:
    """Of a method that trains nothing."""
    if hasattr(job.method, "predictions"):
        predictions: pd.DataFrame = job.method.predictions(given, job.settings)
    elif is_free_text(job.items):
        predictions = _said(job, {})
    else:
        scorer = scorer_of(job, job.tokens, job.states)
        log_p = predict_items(scorer, job.items, job.training.precision)
        predictions = _with_words(job, {}, log_p)
    crowd = tables.empty(tables.ANNOTATORS)
    if hasattr(job.method, "expertise"):
        found = job.method.expertise(given, targets, {}, job.settings)
        crowd = annotators.own_table(found, given)
    history = tables.empty(tables.HISTORY)
    return Trained(targets, predictions, crowd, history, 0.0, job.training.row_tokens, {}, 0)


def _said(job: Job, learned: dict[str, Tensor]) -> pd.DataFrame:
    """`tables.PREDICTIONS` in words of all but the training items, by the model with what it
    learned."""
    asker = replace(job.asker, learned=learned, training=job.training)
    view = views.base(partial(asker.ask, backend="score"), _unseen(job.items))
    return view[["item", "text"]]


def _with_words(job: Job, learned: dict[str, Tensor], log_p: Tensor) -> pd.DataFrame:
    """`tables.PREDICTIONS` of all items from log-probabilities [items, K], and the distributions
    that the model with what it learned writes down for test items, if the study asks for them."""
    predictions = prediction_frame(job.items, log_p)
    items = job.items[(job.items["split"] == "test") & job.items["distribution"].notna()]
    if job.asker.views.verbal is None or items.empty:
        return predictions
    asker = replace(job.asker, learned=learned, training=job.training)
    return predictions.merge(asker.distributions(items), on="item", how="left")


def _unseen(items: pd.DataFrame) -> pd.DataFrame:
    return items[items["split"] != "train"]


def _fitted(job: Job, targets: pd.DataFrame, epochs: float, name: str) -> pd.DataFrame:
    """See `methods.Model.fit`."""
    given = _given(job)
    scorer = scorer_of(job, job.tokens, job.states)
    rows = rows_of(targets, job.items, given.annotators, given.tasks)
    objective = Objective(token_sft, token_sft.Settings(), given, rows)
    training = job.training.model_copy(update={"epochs": epochs})
    fit(scorer, objective, training, (name, *job.stream), NEVER)
    return prediction_frame(job.items, predict_items(scorer, job.items, training.precision))


def _expertise(job: Job, method: ModuleType, settings: Settings, training: Settings) -> pd.Series:
    """See `methods.Model.expertise`."""
    other = replace(
        job,
        method=method,
        settings=settings,
        training=merged(job.training, training),
        asker=replace(job.asker, views=Views()),
    )
    found = run(other, NEVER).annotators
    if found["task"].nunique() > 1:
        raise ValueError("expertise differs between tasks; allowed: one for each annotator")
    return found.set_index("annotator")["expertise"]


_TRUTH = ("gold", "distribution", "answers", "labels", "annotators")
"""What a method does not see of the items, unless it needs gold."""


def _given(job: Job) -> Given:
    """What the method learns from.

    Raises:
        AnnobenchError: the method needs every annotator, and some annotations name none.
    """
    needs = job.method.NEEDS
    known = job.items
    if not needs.gold:
        known = known.assign(**dict.fromkeys(_TRUTH, None))
    items = known[known["split"] == "train"]
    more: dict[str, Any] = {"views": job.views, "embeddings": job.embeddings}
    if needs.model:
        asker = replace(job.asker)  # a model of its own, which goes when the method is done with it
        more["model"] = Untrained(
            asker,
            job.answers,
            job.answers_recipe,
            fitted=partial(_fitted, job),
            expertise_of=partial(_expertise, job),
        )
    if not needs.training:
        more["unseen"] = _unseen(known)
    if job.annotations is None:
        return Given(items, **more)
    annotations = job.annotations[job.annotations["item"].isin(items["item"])]
    unsigned = int(annotations["annotator"].isna().sum())
    if unsigned and needs.annotator_ids:
        raise AnnobenchError(
            f"annotations: {unsigned} of {len(annotations)} found without an annotator; "
            "allowed: none, for a method that needs annotator ids"
        )
    labels = annotations.drop(columns="corrupted", errors="ignore")
    return Given(items, labels, job.truth if needs.truth else None, **more)
