"""The entries of a study's blocks: named, closed, each of the kind that one file defines."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union

from pydantic import BeforeValidator, Field, create_model, model_validator

from annobench.models.settings import Model, known_source
from annobench.registry import component, kinds
from annobench.settings import Name, Settings
from annobench.training.settings import Overrides

PACKAGES = {
    "datasets": "data",
    "noise": "noise",
    "methods": "methods",
    "tables": "reporting.tables",
    "figures": "reporting.figures",
}
"""Which package defines the kinds of a block of the study."""


class Entry(Settings):
    """One entry of a block; `kind` names the file that defines it."""

    kind: str
    """Which file defines this entry; the entry's own name if absent."""


def _named_kinds(entries: Any) -> Any:
    """An entry without a kind is of the kind that its name says; an empty entry is {}."""
    if not isinstance(entries, dict):
        return entries
    return {
        name: {"kind": name} | (entry or {}) if entry is None or isinstance(entry, dict) else entry
        for name, entry in entries.items()
    }


def _entries(block: str, **common: Any) -> Any:
    """Named entries of a block: the union of its kinds' settings, told apart by `kind`."""
    package = PACKAGES[block]
    models: list[type[Entry]] = [
        create_model(
            "".join(part.title() for part in [*kind.split("-"), package.split(".")[-1]]),
            __base__=(component(package, kind).Settings, Entry),
            __doc__=component(package, kind).__doc__,
            # Its fields have their descriptions from the bases; it has no source to look for more.
            __cls_kwargs__={"use_attribute_docstrings": False},
            **{"kind": (Literal[kind], kind), **common},
        )
        for kind in kinds(package)
    ]
    entry: Any = models[0]
    if len(models) > 1:
        entry = Annotated[Union[tuple(models)], Field(discriminator="kind")]  # noqa: UP007
    return Annotated[dict[Name, entry], BeforeValidator(_named_kinds)]


_TRAINING: Any = (
    Overrides,
    Field(default=Overrides(), description="Keys of `training` that this entry overrides."),
)

if TYPE_CHECKING:
    from annobench.reporting.shown import Shown

    class AxisEntry(Entry):
        training: Settings

    class ShownEntry(Entry, Shown): ...

    Datasets: TypeAlias = dict[str, AxisEntry]
    Noises: TypeAlias = dict[str, AxisEntry]
    Methods: TypeAlias = dict[str, AxisEntry]
    Tables: TypeAlias = dict[str, ShownEntry]
    Figures: TypeAlias = dict[str, ShownEntry]
else:
    Datasets = _entries("datasets", training=_TRAINING)
    Noises = _entries("noise", training=_TRAINING)
    Methods = _entries("methods", training=_TRAINING)
    Tables = _entries("tables")
    Figures = _entries("figures")


class ModelEntry(Model):
    """A language model, how it answers and which part of it is trained."""

    training: Overrides = Overrides()  # type: ignore[valid-type]
    """Keys of `training` that this entry overrides."""

    @model_validator(mode="after")
    def _known_source(self) -> "ModelEntry":
        known_source(self.source, self.sha256)
        return self
