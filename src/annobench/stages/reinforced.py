"""Train by reinforcement: a short supervised warm-up on the format, then a policy's rollouts."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from annobench.errors import AnnobenchError
from annobench.methods import Given, token_sft
from annobench.models.decoder import DecoderScorer
from annobench.models.learner import policy_model
from annobench.models.loading import is_encoder_decoder, load_tokenizer
from annobench.models.tuning import recompute_activations
from annobench.seeds import generator
from annobench.stages.job import NEVER, Job
from annobench.stages.lessons import Lesson, written
from annobench.tables import stack
from annobench.targets import target_frame
from annobench.training.loop import Checkpointing, Objective, fit
from annobench.training.policy import Policy, Prompts, reinforce
from annobench.training.rows import rows_of

log = logging.getLogger(__name__)

WARMUP_BATCH = 16


def reinforced(
    job: Job, lesson: Lesson, saving: Checkpointing
) -> tuple[dict[str, Tensor], list[dict[str, float]], int, float]:
    """The trained parameters, `policy.reinforce`'s history, the most tokens in a row, and the
    seconds of the warm-up.

    Raises:
        AnnobenchError: the model is no decoder-only one, or cannot be loaded or tuned.
        DivergedError: the loss is no longer finite.
        MemoryError: a step does not fit.
    """
    if is_encoder_decoder(job.folder):
        raise AnnobenchError(
            f"{job.model.source}: found an encoder-decoder model; allowed for a method with "
            "rollouts: a decoder-only one"
        )
    whole, places = policy_model(job.folder, job.model, job.training.precision, job.stream)
    if job.training.gradient_checkpointing:
        recompute_activations(whole)
    scorer = DecoderScorer(whole, lesson.tokens, "sum", job.training.row_tokens, whole.device)
    settings: Any = job.settings
    seconds = 0.0
    if settings.format_steps:
        seconds = _warm_up(job, lesson, scorer, settings.format_steps, settings.format_lr)
    views = job.asker.views
    assert views.verbal is not None
    counts = lesson.items["options"].map(len)
    prompts = Prompts(
        [item.prompt for item in lesson.tokens],
        lesson.items["options"].tolist(),
        stack(lesson.items["distribution"], int(counts.max())),
    )
    tokenizer = load_tokenizer(job.folder)
    policy = Policy(
        scorer,
        tokenizer,
        prompts,
        job.method,
        settings,
        job.training.precision,
        views.verbal.tokens,
        views.side_by_side,
    )
    history = reinforce(policy, job.training, job.stream, saving)
    learned = {n: p.detach().cpu() for n, p in places.items()}
    return learned, history, scorer.row_tokens, seconds


def _warm_up(job: Job, lesson: Lesson, scorer: DecoderScorer, steps: int, lr: float) -> float:
    """Teach the model to write percentages, of no item's people: they are drawn from a flat
    Dirichlet distribution, so the format is all that there is to learn. Returns the seconds."""
    stream = ("format", *job.stream)
    rng = generator(*stream)
    chosen = rng.choice(len(lesson.items), steps * WARMUP_BATCH)
    items = lesson.items.iloc[chosen].assign(item=[str(n) for n in range(len(chosen))])
    shares = [rng.dirichlet(np.ones(len(options))).tolist() for options in items["options"]]
    targets = target_frame(items["item"], [(1.0,)] * len(items), "format")
    rows = rows_of(targets, items, [], sorted(items["task"].unique()))
    texts = DecoderScorer(
        scorer.model, written(job, items, shares), "sum", scorer.row_tokens, scorer.device
    )
    update = {
        "epochs": 1.0,
        "items_per_batch": WARMUP_BATCH,
        "lr": lr,
        "warmup": 0.0,
        "schedule": "linear",
    }
    training = job.training.model_copy(update=update)
    objective = Objective(token_sft, token_sft.Settings(), Given(items), rows)
    _, history = fit(texts, objective, training, stream, NEVER)
    scorer.row_tokens = texts.row_tokens
    log.info("warm-up: loss %.3f to %.3f", history[0]["loss"], history[-1]["loss"])
    return history[-1]["seconds"]


def sampling(history: pd.DataFrame, before: float) -> dict[str, Any]:
    """Rollouts per second of sampling, and the share of the training time that this took, `before`
    being the seconds of the warm-up."""
    seconds = float(history["rollout_seconds"].sum())
    return {
        "rollouts_per_second": float(history["rollouts"].sum()) / seconds,
        "rollout_share": seconds / (before + float(history["seconds"].iloc[-1])),
    }
