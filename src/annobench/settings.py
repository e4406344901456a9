"""The base of every typed, closed block of a study file."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
"""A name becomes a part of paths, so it holds only a-z, 0-9 and the hyphen."""


class Settings(BaseModel):
    """Frozen; unknown keys are refused. A field's description goes into the key reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
