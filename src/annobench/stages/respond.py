"""Respond: what models have to say of a data set of pairs before there are items.

Two writers respond to each prompt, and the stronger one says how likely it finds both responses; or
a reward model scores the responses that the data came with.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from annobench.models import rewarding
from annobench.models.generating import Writer
from annobench.models.learner import put_to_use
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.responses import pair_tokens, request_tokens
from annobench.models.settings import Full, Model
from annobench.models.tuning import scorer_of
from annobench.pairs import RewardModel
from annobench.pairs import Writer as WriterSettings
from annobench.registry import component
from annobench.seeds import generator, seed_of
from annobench.training.loop import score
from annobench.training.precision import arithmetic
from annobench.training.settings import Training

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

TEMPLATE = "{prompt}\n"
"""Around a prompt, for a writer without a chat."""
SIDE_BY_SIDE = 32


def respond(
    name: str,
    kind: str,
    settings: Any,
    hub_root: Path | None,
    folders: Mapping[str, Path],
    training: Training,
) -> pd.DataFrame:
    """`tables.RESPONSES` of the data set `name` of this kind: those that its writers give, and what
    its reward model says of them or of the data's own.

    `folders`: source -> folder of each model.

    Raises:
        AnnobenchError: the data cannot be read, or a model cannot be loaded.
    """
    how = component("data", kind)
    found = []
    if hasattr(how, "prompts"):
        prompts = how.prompts(name, settings, hub_root)
        found.append(responses(prompts, (settings.stronger, settings.weaker), folders, training))
        items = how.items(name, settings, hub_root, found[0])
    else:
        items = how.items(name, settings, hub_root)
    if settings.reward_model is not None:
        reward_model = settings.reward_model
        found.append(rewards(items, reward_model, folders[reward_model.source], training))
    return pd.concat(found, ignore_index=True)


def responses(
    prompts: pd.DataFrame,
    writers: tuple[WriterSettings, WriterSettings],
    folders: Mapping[str, Path],
    training: Training,
) -> pd.DataFrame:
    """`tables.RESPONSES`: two to each prompt of `tables.ITEMS`, with their mean log-likelihood
    under the first writer. A response depends on the writer, the item and its place only.

    `folders`: source -> folder of the model.

    Raises:
        AnnobenchError: a model cannot be loaded, or a prompt does not fit into its window.
    """
    torch.set_num_threads(training.threads)
    texts = []
    for option, writer in enumerate(writers):
        log.info("%d responses by %s", len(prompts), writer.name)
        texts.append(_written(prompts, option, writer, folders[writer.source], training))
    likely = _likelihoods(prompts, texts, folders[writers[0].source], writers[0], training)
    frames = [
        pd.DataFrame(
            {
                "item": prompts["item"].to_numpy(),
                "option": option,
                "source": writer.name,
                "text": texts[option],
                "score": likely[:, option],
            }
        )
        for option, writer in enumerate(writers)
    ]
    return pd.concat(frames, ignore_index=True)


def rewards(
    items: pd.DataFrame, settings: RewardModel, folder: Path, training: Training
) -> pd.DataFrame:
    """`tables.RESPONSES`: those of `tables.ITEMS`, with the reward model's scores.

    Raises:
        AnnobenchError: the folder holds no reward model.
    """
    torch.set_num_threads(training.threads)
    rows = items[["item", "prompt", "options"]].explode("options", ignore_index=True)
    return pd.DataFrame(
        {
            "item": rows["item"],
            "option": rows.groupby("item", sort=False).cumcount().astype("int64"),
            "source": settings.source,
            "text": rows["options"],
            "score": rewarding.rewards(folder, rows["prompt"].tolist(), rows["options"].tolist()),
        }
    )


def _loaded(folder: Path, writer: WriterSettings, training: Training) -> "PreTrainedModel":
    model = load_model(folder)
    damage(model, writer.damage)
    put_to_use(model, training.precision)
    return model


@torch.no_grad()
def damage(model: torch.nn.Module, amount: float) -> None:
    """Add normal noise to every weight matrix, `amount` of the matrix's own standard deviation,
    from a stream that depends on its name only: a copy more damaged is damaged in the same way."""
    if not amount:
        return
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            stream = torch.Generator().manual_seed(seed_of("damage", name))
            noise = torch.randn(parameter.shape, generator=stream)
            parameter.add_(amount * parameter.std() * noise.to(parameter.device))


def _written(
    prompts: pd.DataFrame, option: int, writer: WriterSettings, folder: Path, training: Training
) -> list[str]:
    model = _loaded(folder, writer, training)
    tokenizer, seq2seq = load_tokenizer(folder), model.config.is_encoder_decoder
    pen = Writer(model, tokenizer, writer.tokens, temperature=writer.temperature, speaks=True)
    asked = [request_tokens(tokenizer, each, TEMPLATE, seq2seq) for each in prompts["prompt"]]
    draws = np.stack(
        [
            generator("responses", item, option).random(writer.tokens)
            for item in prompts["item"].tolist()
        ]
    )
    with arithmetic(model.device, training.precision):
        said = pen.write(asked, draws, SIDE_BY_SIDE)
    return [one.text.strip() for one in said]


def _likelihoods(
    prompts: pd.DataFrame,
    texts: list[list[str]],
    folder: Path,
    writer: WriterSettings,
    training: Training,
) -> np.ndarray:
    """[items, 2] the mean log-likelihood of each text's tokens."""
    model, tokenizer = _loaded(folder, writer, training), load_tokenizer(folder)
    asked = zip(prompts["item"], prompts["prompt"], zip(*texts, strict=True), strict=True)
    seq2seq = model.config.is_encoder_decoder
    items = [
        pair_tokens(tokenizer, item, prompt, own, TEMPLATE, seq2seq) for item, prompt, own in asked
    ]
    how = Model(source=writer.source, sha256=writer.sha256, tune=Full(), score="mean")
    scorer = scorer_of(model, how, items, None, training.row_tokens, model.device)
    return score(scorer, np.arange(len(items)), 2, training.precision).double().numpy()
