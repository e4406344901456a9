"""What a cell is shown while it trains: its items with their options, or texts to learn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from annobench.models.decoder import States
from annobench.models.loading import is_encoder_decoder, load_tokenizer
from annobench.models.tokens import TokenItem
from annobench.models.verbal import answer_of, prompt_of
from annobench.stages.encode import encode, states_of
from annobench.stages.job import Job
from annobench.targets import is_free_text, target_frame
from annobench.training.rows import kept_rows


@dataclass(frozen=True)
class Lesson:
    """Items of `tables.ITEMS` as tokens, the states of their frozen layers, and `tables.TARGETS`
    of them."""

    items: pd.DataFrame
    tokens: list[TokenItem]
    states: States | None
    targets: pd.DataFrame


def lesson_of(job: Job, targets: pd.DataFrame) -> Lesson:
    """Of a cell: the text of an answer or of a distribution is an item's one option, with the end
    of the text behind it, so that the model learns to stop.

    Raises:
        ValueError: no target is kept.
        AnnobenchError: an item cannot be tokenized, or the model cannot be loaded or packed.
    """
    if job.method.NEEDS.verbal:
        return _distributions(job, targets)
    if not is_free_text(job.items):
        return Lesson(job.items, job.tokens, job.states, targets)
    texts = kept_rows(targets).set_index("item")["text"]
    items = job.items[job.items["item"].isin(texts.index)]
    items = items.assign(options=items["item"].map(texts).map(lambda text: [text]))
    return Lesson(items, *encode(items, job.folder, job.model, job.training, ended=True), targets)


def _distributions(job: Job, targets: pd.DataFrame) -> Lesson:
    shares = means(targets)
    items = job.items[job.items["item"].isin(shares.index)]
    distributions = items["item"].map(shares)
    tokens = written(job, items, distributions)
    states = None
    if not job.method.NEEDS.rollouts:  # these read on from what they wrote
        states = states_of(tokens, job.folder, job.model, job.training)
    shown = items.assign(distribution=distributions)
    return Lesson(shown, tokens, states, target_frame(items["item"], [(1.0,)] * len(items), "text"))


def written(
    job: Job, items: pd.DataFrame, distributions: Iterable[Sequence[float]]
) -> list[TokenItem]:
    """The question for each item's distribution, with these distributions as answers."""
    verbal = job.asker.views.verbal
    assert verbal is not None
    tokenizer, seq2seq = load_tokenizer(job.folder), is_encoder_decoder(job.folder)
    rows = zip(items["item"], items["prompt"], items["options"], distributions, strict=True)
    return [
        TokenItem(
            item,
            prompt_of(tokenizer, prompt, options, job.model, verbal, seq2seq),
            (answer_of(tokenizer, distribution, options, verbal),),
        )
        for item, prompt, options, distribution in rows
    ]


def means(targets: pd.DataFrame) -> pd.Series:
    """The mean of each item's kept distributions by their weights, indexed by item; an item whose
    targets weigh nothing has none.

    Raises:
        ValueError: no target is kept.
    """
    kept = kept_rows(targets)
    found = {}
    for item, rows in kept.groupby("item", sort=False):
        weight = rows["weight"].to_numpy(float)
        if weight.sum() > 0:
            found[item] = np.average(np.stack(rows["distribution"].tolist()), 0, weight).tolist()
    return pd.Series(found, dtype=object)
