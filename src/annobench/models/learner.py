"""A whole model that writes, and one that also learns."""

from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from annobench.models.loading import load_model
from annobench.models.read_out import read_out_in_fp32
from annobench.models.saving import places_of
from annobench.models.settings import Model
from annobench.models.tuning import without_dropout
from annobench.training.precision import pick_device, store_frozen

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def policy_model(
    folder: Path, model: Model, precision: str, stream: tuple[str | int, ...] = ()
) -> tuple["PreTrainedModel", dict[str, nn.Parameter]]:
    """A whole model that generates and learns, on the device, and its trained parameters as `tuned`
    names them; `stream` is what adapters may depend on.

    Raises:
        AnnobenchError: the model cannot be loaded or tuned.
    """
    whole = load_model(folder).requires_grad_(False)
    read_out_in_fp32(whole)
    places = places_of(whole, model, stream)
    without_dropout(whole)  # what it writes is drawn without, so it is scored so
    for parameter in places.values():
        parameter.requires_grad_(True)
    store_frozen(whole, precision)
    whole.to(pick_device())  # type: ignore[arg-type]
    return whole, places


def put_to_use(whole: "PreTrainedModel", precision: str) -> None:
    """Freeze a whole model and place it on the device, to write and to score."""
    read_out_in_fp32(whole)
    whole.requires_grad_(False).train(False)
    store_frozen(whole, precision)
    whole.to(pick_device())  # type: ignore[arg-type]
