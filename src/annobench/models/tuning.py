"""Which parameters are trained, and the scorer that trains them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from annobench.errors import AnnobenchError
from annobench.models.decoder import DecoderScorer, States, TopDecoder, layer_stack
from annobench.models.encoder_decoder import EncoderDecoderScorer
from annobench.models.loading import load_model, read_out_in_fp32
from annobench.models.settings import Full, Model, TopLayers
from annobench.models.tokens import TokenItem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Scorer = DecoderScorer | EncoderDecoderScorer


def tuned(model: "PreTrainedModel", settings: Model) -> nn.Module:
    """The module that a cell trains: only its trained parameters require a gradient.

    Raises:
        AnnobenchError: `top-layers` of an encoder-decoder model.
    """
    match settings.tune:
        case Full():
            return model.requires_grad_(True)
        case TopLayers(layers=layers):
            if model.config.is_encoder_decoder:
                raise AnnobenchError(
                    f"{settings.source}: tune: {{kind: top-layers}} of an encoder-decoder model; "
                    "allowed: {kind: full}"
                )
            top = TopDecoder(model, layers)
            model.requires_grad_(False)
            for module in _after_embeddings(model):
                module.requires_grad_(True)
            return top


def _after_embeddings(model: "PreTrainedModel") -> list[nn.Module]:
    """The layers and the norm behind them: what stands beside the layers, but no embedding."""
    stack = layer_stack(model)
    for parent in model.modules():
        children = list(parent.children())
        if any(child is stack for child in children):
            return [child for child in children if not isinstance(child, nn.Embedding)]
    raise AssertionError("the stack is one of the model's modules")


def load_scorer(
    folder: Path,
    settings: Model,
    items: Sequence[TokenItem],
    states: States | None,
    row_tokens: int,
    device: torch.device,
) -> Scorer:
    """A scorer over the part of the model that `settings.tune` trains."""
    model = load_model(folder)
    read_out_in_fp32(model)
    module = tuned(model, settings).to(device)
    if model.config.is_encoder_decoder:
        return EncoderDecoderScorer(model, items, settings.score, row_tokens, device)
    return DecoderScorer(module, items, settings.score, row_tokens, device, states)
