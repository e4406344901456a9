"""The base of every typed, closed block of a study file."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from annobench.errors import shown
from annobench.registry import unknown

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A name becomes a part of paths and an argument of commands: a-z, 0-9 and, but for its first
character, the hyphen; at most 64."""


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
