"""The base of every typed, closed block of a study file."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from annobench.registry import unknown

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
"""A name becomes a part of paths, so it holds only a-z, 0-9 and the hyphen."""


class Settings(BaseModel):
    """Frozen; unknown keys are refused. A field's description goes into the key reference."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(unknown("key", key, list(cls.model_fields)))
        return data

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the user that this block reads; the workflow watches them."""
        return ()
