"""Encode: items to tokens, and the states of the frozen layers, once per data set and model."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from annobench import tables, tensors
from annobench.clock import phase
from annobench.models.decoder import DecoderScorer, States, check_packing, frozen_states
from annobench.models.loading import is_encoder_decoder, load_model, load_tokenizer
from annobench.models.memory import in_smaller_rows
from annobench.models.responses import pair_tokens
from annobench.models.settings import Model, TopLayers
from annobench.models.tokens import TokenItem, tokenize
from annobench.pairs import are_pairs
from annobench.questions import Question
from annobench.targets import is_free_text
from annobench.training.precision import arithmetic, pick_device, store_frozen
from annobench.training.settings import Training

log = logging.getLogger(__name__)


def tokens_of(
    items: pd.DataFrame, folder: Path, model: Model, ended: bool = False
) -> list[TokenItem]:
    """Tokens of `tables.ITEMS`, in their order; of free text the prompt's only, and of pairs both
    responses with the end of the text behind them.

    `ended`: the end of the text stands behind every option.
    """
    tokenizer = load_tokenizer(folder)
    seq2seq = is_encoder_decoder(folder)
    if are_pairs(items):
        pairs = zip(items["item"], items["prompt"], items["options"], strict=True)
        return [pair_tokens(tokenizer, *pair, model.template, seq2seq) for pair in pairs]
    found = [
        tokenize(tokenizer, Question(item, prompt, tuple(options)), model, seq2seq)
        for item, prompt, options in zip(
            items["item"], items["prompt"], items["options"], strict=True
        )
    ]
    end = tokenizer.eos_token_id
    if not ended or end is None:
        return found
    return [replace(t, options=tuple((*option, end) for option in t.options)) for t in found]


def encode(
    items: pd.DataFrame, folder: Path, model: Model, training: Training, ended: bool = False
) -> tuple[list[TokenItem], States | None]:
    """Tokens, and the frozen states if `model.tune` trains only the top layers of a decoder.

    Free text has no options to score, so no states either: a cell encodes what it learns.

    Raises:
        AnnobenchError: an item cannot be tokenized, or the model cannot be loaded or packed.
    """
    tokens = tokens_of(items, folder, model, ended)
    return tokens, None if is_free_text(items) else states_of(tokens, folder, model, training)


@phase("encoding")
def states_of(
    tokens: list[TokenItem], folder: Path, model: Model, training: Training
) -> States | None:
    """The frozen states of tokenized items, if only the top layers of a decoder are trained.

    Raises:
        AnnobenchError: the model cannot be loaded or packed.
    """
    torch.set_num_threads(training.threads)
    if is_encoder_decoder(folder):
        return None
    whole = load_model(folder).requires_grad_(False).to(pick_device())  # type: ignore[arg-type]
    longest = max(tokens, key=lambda item: len(item.prompt) + max(map(len, item.options)))
    check_packing(whole, [*tokens[:4], longest], training.row_tokens)
    if not isinstance(model.tune, TopLayers):
        return None
    log.info("frozen layers of %d items", len(tokens))
    store_frozen(whole, training.precision)
    layers = model.tune.layers
    scorer = DecoderScorer(whole, tokens, model.score, training.row_tokens, whole.device)
    with arithmetic(whole.device, training.precision):
        return in_smaller_rows(
            scorer, lambda: frozen_states(whole, tokens, layers, scorer.row_tokens)
        )


def write_features(
    tokens_path: Path, states_path: Path, tokens: list[TokenItem], states: States | None
) -> None:
    """The two files of encoded items; without frozen states the second holds no tensor."""
    frame = pd.DataFrame(
        {
            "item": [t.item for t in tokens],
            "prompt": [list(t.prompt) for t in tokens],
            "options": [[list(option) for option in t.options] for t in tokens],
        }
    )
    values = (
        {}
        if states is None
        else {"values": states.values, "starts": torch.from_numpy(states.starts)}
    )
    tensors.write(states_path, values)
    tables.write(tokens_path, frame, tables.TOKENS)


def read_features(tokens_path: Path, states_path: Path) -> tuple[list[TokenItem], States | None]:
    """What `write_features` wrote.

    Raises:
        AnnobenchError: one of the files is missing or broken.
    """
    frame = tables.read(tokens_path, tables.TOKENS)
    tokens = [
        TokenItem(item, tuple(prompt), tuple(tuple(option) for option in options))
        for item, prompt, options in zip(
            frame["item"], frame["prompt"], frame["options"], strict=True
        )
    ]
    values = tensors.read(states_path)
    if not values:
        return tokens, None
    return tokens, States(values["values"], np.asarray(values["starts"]))
