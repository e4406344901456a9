"""The base of every typed, closed block of a study file."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, model_validator

from annobench.errors import shown
from annobench.registry import unknown

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A name becomes a part of paths and an argument of commands: a-z, 0-9 and, but for its first
character, the hyphen; at most 64."""


def _watched(path: str) -> str:
    if any(mark in path for mark in "{}<>") or not path.isprintable():
        raise ValueError(f"found {shown(path)}; allowed: a path without {{ }} < > and line breaks")
    return path


UserPath = Annotated[str, AfterValidator(_watched)]
"""A file or folder of the user that the workflow watches; to Snakemake some marks are its own."""


class Settings(BaseModel):
    """Frozen; unknown keys are refused. A field's description goes into the key reference."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key, value in data.items():
                if key not in cls.model_fields:
                    raise ValueError(unknown("key", key, list(cls.model_fields)))
                if isinstance(value, str) and "\0" in value:  # which no path may hold
                    raise ValueError(f"{key}: found {shown(value)}; allowed: text without NUL")
        return data

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the user that this block reads; the workflow watches them."""
        return ()
