"""Which parameters are trained, and the scorer that trains them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from annobench.clock import phase
from annobench.errors import AnnobenchError
from annobench.models.decoder import DecoderScorer, States, TopDecoder, layer_stack
from annobench.models.encoder_decoder import EncoderDecoderScorer
from annobench.models.loading import load_model
from annobench.models.read_out import read_out_in_fp32
from annobench.models.settings import Full, Lora, Model, TopLayers
from annobench.models.tokens import TokenItem
from annobench.registry import unknown
from annobench.seeds import seed_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Scorer = DecoderScorer | EncoderDecoderScorer


def tuned(
    model: "PreTrainedModel", settings: Model, stream: tuple[str | int, ...] = ()
) -> nn.Module:
    """The module that a cell trains: only its trained parameters require a gradient.

    `stream` names what the initialisation of adapters may depend on.

    Raises:
        AnnobenchError: `top-layers` of an encoder-decoder model, or of one whose layers cannot be
            told from the rest; adapters on layers that the model does not have.
    """
    match settings.tune:
        case Full():
            return model.requires_grad_(True)
        case Lora():
            _add_adapters(model, settings.tune, seed_of("adapters", *stream))
            return model
        case TopLayers(layers=layers):
            if model.config.is_encoder_decoder:
                raise AnnobenchError(
                    f"{settings.source}: tune: {{kind: top-layers}} of an encoder-decoder model; "
                    "allowed: {kind: full} or {kind: lora}"
                )
            top = TopDecoder(model, layers)
            model.requires_grad_(False)
            for module in _after_embeddings(model):
                module.requires_grad_(True)
            return top


def _add_adapters(model: "PreTrainedModel", lora: Lora, seed: int) -> None:
    """Adapters on the model's layers, drawn from `seed`; everything else is frozen.

    Raises:
        AnnobenchError: a target is none of the model's linear layers.
    """
    from peft import LoraConfig
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as USUAL
    from transformers.pytorch_utils import Conv1D

    linear = [n for n, layer in model.named_modules() if isinstance(layer, nn.Linear | Conv1D)]
    for target in lora.targets or ():
        if not any(f".{name}".endswith(f".{target}") for name in linear):
            allowed = sorted({name.rpartition(".")[2] for name in linear})
            raise AnnobenchError(unknown("tune.targets", target, allowed))
    usual: Any = USUAL.get(model.config.model_type, "all-linear")
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # PEFT only divides it by the rank
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) if lora.targets else usual,
    )
    with torch.random.fork_rng(devices=[]):  # PEFT draws from torch's own CPU stream
        torch.default_generator.manual_seed(seed)
        model.add_adapter(config)


def merge_adapters(model: "PreTrainedModel") -> None:
    """Add each adapter's update to the weight beside it: the plain model, with the same scores."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = [
        (n, layer) for n, layer in model.named_modules() if isinstance(layer, BaseTunerLayer)
    ]
    for name, layer in adapted:
        layer.merge()
        model.set_submodule(name, layer.get_base_layer())
    del model.peft_config
    model._hf_peft_config_loaded = False  # so that transformers saves the model, not its adapters


def without_dropout(module: nn.Module) -> None:
    """Leave nothing out while it trains."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0


def recompute_activations(module: nn.Module) -> None:
    """Gradient checkpointing: a layer keeps its input only, and runs again in the backward pass.

    Raises:
        AnnobenchError: transformers cannot do it for this model.
    """
    model: Any = module.model if isinstance(module, TopDecoder) else module
    if not model.supports_gradient_checkpointing:
        raise AnnobenchError(
            f"training.gradient_checkpointing: found true for model type "
            f"{model.config.model_type!r}; allowed: false"
        )
    model.activation_checkpointing_enable({"use_reentrant": False})


def _after_embeddings(model: "PreTrainedModel") -> list[nn.Module]:
    """The layers and the norm behind them: what stands beside the layers, but no embedding."""
    stack = layer_stack(model)
    for parent in model.modules():
        children = list(parent.children())
        if any(child is stack for child in children):
            return [child for child in children if not isinstance(child, nn.Embedding)]
    raise AssertionError("the stack is one of the model's modules")


@phase("loading")
def load_scorer(
    folder: Path,
    settings: Model,
    items: Sequence[TokenItem],
    states: States | None,
    row_tokens: int,
    device: torch.device,
    stream: tuple[str | int, ...] = (),
) -> Scorer:
    """A scorer over the part of the model that `settings.tune` trains.

    `stream` names what the initialisation of adapters may depend on; new adapters change no score.

    Raises:
        AnnobenchError: the model cannot be loaded, scored or tuned so.
    """
    model = load_model(folder)
    read_out_in_fp32(model)
    module = tuned(model, settings, stream).to(device)
    return scorer_of(module, settings, items, states, row_tokens, device)


def scorer_of(
    module: Any,
    settings: Model,
    items: Sequence[TokenItem],
    states: States | None,
    row_tokens: int,
    device: torch.device,
) -> Scorer:
    """A scorer over a module that is on `device`: a whole model, or a `TopDecoder` with states.

    Raises:
        AnnobenchError: an encoder-decoder model does not say what its decoder starts from.
    """
    if isinstance(module, TopDecoder) or not module.config.is_encoder_decoder:
        return DecoderScorer(module, items, settings.score, row_tokens, device, states)
    if getattr(module.config, "decoder_start_token_id", None) is None:
        raise AnnobenchError(
            f"{settings.source}: config.json: decoder_start_token_id is missing; allowed: the "
            "id of the token that the decoder starts from"
        )
    return EncoderDecoderScorer(module, items, settings.score, row_tokens, device)
