"""A trained model as a folder that transformers loads."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import Parameter

from annobench.assets import Source
from annobench.errors import AnnobenchError
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.settings import Lora, Model, TopLayers
from annobench.models.tuning import merge_adapters, tuned
from annobench.training.checkpoint import trained

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def save_model(folder: Path, settings: Model, values: dict[str, Tensor], out: Path) -> None:
    """Write the model of `folder` with a cell's trained parameters in it, and its tokenizer.

    Everything is in fp32 safetensors. `values` are named as in the module that `tuned` makes.
    Adapters are saved as such where the model is the Hub's, so that they can name what they belong
    to; otherwise they are merged into the weights.

    Raises:
        AnnobenchError: `values` are not the parameters that `settings.tune` trains.
    """
    whole = load_model(folder)
    put_in(whole, settings, values)
    if isinstance(settings.tune, Lora):
        source = Source.parse(settings.source)
        if source.kind == "hub":
            adapter: Any = whole.peft_config["default"]
            adapter.base_model_name_or_path, adapter.revision = source.name, source.version
        else:
            merge_adapters(whole)
    whole.save_pretrained(out)
    load_tokenizer(folder).save_pretrained(out)


@torch.no_grad()
def put_in(whole: "PreTrainedModel", settings: Model, values: Mapping[str, Tensor]) -> None:
    """Set the trained parameters of a whole model, as `tuned` names them.

    Raises:
        AnnobenchError: `values` are not the parameters that `settings.tune` trains.
    """
    places = places_of(whole, settings)
    if places.keys() != values.keys():
        wrong = sorted(places.keys() ^ values.keys())[0]
        raise AnnobenchError(
            f"trained parameters: {wrong!r} is only in the cell or only in the model; "
            "allowed: those that `tune` trains"
        )
    for name, parameter in places.items():
        parameter.copy_(values[name])


def places_of(
    whole: "PreTrainedModel", settings: Model, stream: tuple[str | int, ...] = ()
) -> dict[str, Parameter]:
    """The parameters of a whole model that `settings.tune` trains, as `tuned` names them.

    Adapters are added to it, drawn from `stream`. `top-layers` takes a model apart, so there a
    skeleton of it is taken apart instead: it is made of the same parameters, whatever it calls
    them, and so tells which is which.
    """
    if not isinstance(settings.tune, TopLayers):
        return trained(tuned(whole, settings, stream))
    skeleton = _skeleton(whole)
    names = {parameter: name for name, parameter in skeleton.named_parameters()}
    parameters = dict(whole.named_parameters())
    return {
        name: parameters[names[parameter]]
        for name, parameter in trained(tuned(skeleton, settings)).items()
    }


def _skeleton(model: "PreTrainedModel") -> "PreTrainedModel":
    """The same model without its numbers."""
    with torch.device("meta"):
        return type(model)(copy.deepcopy(model.config))
