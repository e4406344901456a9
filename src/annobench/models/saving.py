"""A trained model as a folder that transformers loads."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from annobench.errors import AnnobenchError
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.settings import Model
from annobench.models.tuning import tuned
from annobench.training.checkpoint import trained

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def save_model(folder: Path, settings: Model, values: dict[str, Tensor], out: Path) -> None:
    """Write the model of `folder` with a cell's trained parameters in it, and its tokenizer.

    Everything is in fp32 safetensors. `values` are named as in the module that `tuned` makes.

    Raises:
        AnnobenchError: `values` are not the parameters that `settings.tune` trains.
    """
    whole = load_model(folder)
    put_in(whole, settings, values)
    whole.save_pretrained(out)
    load_tokenizer(folder).save_pretrained(out)


@torch.no_grad()
def put_in(whole: "PreTrainedModel", settings: Model, values: dict[str, Tensor]) -> None:
    """Set the trained parameters of a whole model.

    The module that a cell trains is made of the model's own parameters, whatever it calls them, so
    a skeleton of the model, taken apart in the same way, tells which is which.
    """
    with torch.device("meta"):
        skeleton = type(whole)(copy.deepcopy(whole.config))
    names = {parameter: name for name, parameter in skeleton.named_parameters()}
    places: dict[str, nn.Parameter] = trained(tuned(skeleton, settings))
    if places.keys() != values.keys():
        wrong = sorted(places.keys() ^ values.keys())[0]
        raise AnnobenchError(
            f"trained parameters: {wrong!r} is only in the cell or only in the model; "
            "allowed: those that `tune` trains"
        )
    parameters = dict(whole.named_parameters())
    for name, parameter in places.items():
        parameters[names[parameter]].copy_(values[name])
