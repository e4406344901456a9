"""Train on preferences: DPO from the model as it comes, and what that did to its own responses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from annobench import annotators
from annobench.errors import AnnobenchError
from annobench.free_text import holds
from annobench.methods import Given
from annobench.models.loading import is_encoder_decoder
from annobench.models.rewarding import rewards
from annobench.models.tuning import without_dropout
from annobench.stages.job import Job, Trained, put, scorer_of
from annobench.stages.predictions import prediction_frame
from annobench.training.checkpoint import trained
from annobench.training.loop import Checkpointing, Objective, fit, score
from annobench.training.rows import rows_of
from annobench.training.trl_dpo import by_trl

RESPONSES = 2


def aligned(job: Job, given: Given, targets: pd.DataFrame, saving: Checkpointing) -> Trained:
    """Train a cell on pairs and predict those that are not for training.

    Raises:
        AnnobenchError: TRL is asked for, and the model is no decoder-only one; or the model cannot
            be loaded or tuned.
        DivergedError: the loss is no longer finite.
        torch.OutOfMemoryError, MemoryError: the device's memory does not suffice.
    """
    settings: Any = job.settings
    # A response's likelihood is that of all its tokens, however options are scored elsewhere.
    job = replace(job, model=job.model.model_copy(update={"score": "sum"}))
    precision = job.training.precision
    scorer = scorer_of(job, job.tokens, job.states)
    without_dropout(scorer.model)  # as by TRL: a ratio to the start is of nothing but learning
    unseen = np.flatnonzero(job.items["split"] != "train")
    start = score(scorer, unseen, RESPONSES, precision)
    rows = rows_of(targets, job.items, given.annotators, given.tasks)
    objective = Objective(job.method, job.settings, given, rows)
    reference = torch.full((len(job.items), RESPONSES), torch.nan)
    learned_from = objective.items
    reference[learned_from] = score(scorer, learned_from, RESPONSES, precision, training=True)
    objective = replace(objective, reference=reference)
    if settings.by == "packed":
        _, history = fit(scorer, objective, job.training, job.stream, saving)
        learned = {name: p.detach().cpu() for name, p in trained(scorer.model).items()}
        row_tokens = scorer.row_tokens
    else:
        if is_encoder_decoder(job.folder):
            raise AnnobenchError(
                f"{job.model.source}: found an encoder-decoder model; allowed for `by: trl`: a "
                "decoder-only one (or `by: packed`)"
            )
        del scorer  # TRL loads the model anew
        learned, history, row_tokens = by_trl(
            job.folder, job.model, job.tokens, objective, job.training, job.stream, saving
        )
        scorer = scorer_of(job, job.tokens, job.states)
        put(scorer, learned)
    after = score(scorer, unseen, RESPONSES, precision)
    del scorer  # what it writes loads the model anew
    implicit = settings.beta * (after - start).double()
    items = job.items.iloc[unseen]
    predictions = prediction_frame(items, after).assign(rewards=implicit.numpy().tolist())
    return Trained(
        targets,
        predictions.merge(_own_responses(job, learned), on="item", how="left"),
        annotators.own_table(job.method.expertise(given, targets, {}, settings), given),
        pd.DataFrame(history).astype({"step": "int64"}),
        train_seconds=history[-1]["seconds"],
        row_tokens=row_tokens,
        parameters=learned if job.export else {},
        trained_parameters=sum(p.numel() for p in learned.values()),
    )


def _own_responses(job: Job, learned: dict[str, Tensor]) -> pd.DataFrame:
    """text, win and kl of `tables.PREDICTIONS`, of the test items."""
    torch.set_num_threads(job.training.threads)
    test = job.items[job.items["split"] == "test"]
    ours = replace(job.asker, learned=learned, training=job.training)
    start = replace(job.asker, training=job.training)
    before = job.views["responses"].set_index("item")["text"].loc[test["item"]]
    said = ours.responses(test)
    likely = ours.log_likelihoods(test, said)
    del ours  # for its memory
    texts = [one.text for one in said]
    return pd.DataFrame(
        {
            "item": test["item"].to_numpy(),
            "text": texts,
            "win": _wins(job, test, texts, before.tolist()),
            "kl": likely - start.log_likelihoods(test, said),
        }
    )


def _wins(job: Job, items: pd.DataFrame, ours: list[str], before: list[str]) -> np.ndarray | None:
    """1, 1/2 or 0 of each item: whether the response is better than the one before training, by the
    reward model, else by holding the right answer; None where the data have neither."""
    if job.reward_model is not None:
        prompts = items["prompt"].tolist()
        scores = rewards(job.reward_model, 2 * prompts, ours + before)
    elif items["answers"].notna().all():
        answers = 2 * items["answers"].tolist()
        scores = np.array(
            [holds(*pair) for pair in zip(ours + before, answers, strict=True)], float
        )
    else:
        return None
    better = (1 + np.sign(scores[: len(ours)] - scores[len(ours) :])) / 2
    same = [one == other for one, other in zip(ours, before, strict=True)]
    return np.where(same, 0.5, better)  # whatever they were padded to when they were judged
