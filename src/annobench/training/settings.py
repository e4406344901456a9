"""The `training` block of a study."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, create_model
from pydantic.fields import FieldInfo

from annobench.settings import Settings


class Training(Settings):
    """How every cell trains. An entry of an axis may override any of these keys."""

    epochs: PositiveFloat = 3.0
    """Passes over the training items."""
    items_per_batch: PositiveInt = 16
    """Items per optimizer step; all labels of an item enter the loss together."""
    lr: PositiveFloat = 5e-5
    """Peak learning rate of AdamW."""
    weight_decay: NonNegativeFloat = 0.01
    """Decoupled weight decay of the model's parameters."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the steps over which the learning rate rises from 0."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """What the learning rate does after the warm-up."""
    gradient_clip: PositiveFloat = 1.0
    """Largest norm of the model's gradient; longer ones are scaled down."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """Arithmetic of the forward and backward pass; trained weights stay fp32 in both. A device
    that does not compute in bf16 (CPUs without AVX-512 or bf16 of ARM, GPUs before Ampere) computes
    in fp32, and run.json says so."""
    row_tokens: PositiveInt = 1024
    """Most tokens in one packed row; a batch that is longer is split and its gradients add up. A
    cell that runs out of memory halves it as often as it must, and run.json says so."""
    gradient_checkpointing: bool = False
    """Keep only what enters each layer and compute the rest again in the backward pass: less
    memory, about a third more time, the same result."""
    threads: PositiveInt = 1
    """CPU threads of one cell. Fixed here, not taken from the machine, so that a result does not
    depend on how many cores there were."""


def _optional_fields() -> dict[str, Any]:
    """The fields of `Training` with their constraints, none of them required."""
    return {
        name: (Annotated[field.annotation, Field(), *field.metadata] | None, _absent(field))
        for name, field in Training.model_fields.items()
    }


def _absent(field: FieldInfo) -> Any:
    return Field(default=None, description=field.description)


Overrides: type[Settings] = create_model(
    "Overrides",
    __base__=Settings,
    __doc__="Any keys of `training`, overridden for one entry of an axis.",
    **_optional_fields(),
)


def merged(training: Training, *overrides: Settings) -> Training:
    """Training settings with each block of overrides laid over the ones before it."""
    values = training.model_dump()
    for block in overrides:
        values |= block.model_dump(exclude_none=True)
    return Training(**values)
