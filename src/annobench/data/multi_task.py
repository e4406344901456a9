"""Several data sets as one with several tasks, such as REALM's ARC + OpenBookQA + RiddleSense."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from annobench.errors import AnnobenchError
from annobench.explain import sentences
from annobench.registry import component, kinds, unknown
from annobench.settings import Name
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

KIND = "multi-task"


class Settings(Base):
    parts: dict[str, dict[str, Any]] = Field(min_length=2)
    """The data sets to join, by name: each has the keys of its `kind`, by default its name."""

    @field_validator("parts", mode="before")
    @classmethod
    def _complete(cls, parts: Any) -> Any:
        """Every part with its kind and all keys of that kind."""
        if not isinstance(parts, dict):
            return parts
        return {name: _part(name, entry) for name, entry in parts.items()}


def size(settings: Settings) -> dict[str, int] | None:
    """How many items of each split, over the parts; None if one does not know."""
    total: Counter[str] = Counter()
    for entry in settings.parts.values():
        found = component("data", entry["kind"]).size(_settings(entry))
        if found is None:
            return None
        total.update(found)
    return dict(total)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`, part by part; items are named `<part>/<item>`.

    A task keeps its name, but is `<part>/<task>` where several parts have one of that name. A part
    draws its items as a data set named `<name>/<part>` does.

    Raises:
        AnnobenchError: whatever the parts raise.
    """
    import pandas as pd

    found = []
    for part, entry in settings.parts.items():
        data = component("data", entry["kind"])
        own = data.items(f"{name}/{part}", _settings(entry), hub_root)
        found.append(own.assign(item=part + "/" + own["item"]))
    parts = Counter(task for own in found for task in own["task"].unique())
    for place, (part, own) in enumerate(zip(settings.parts, found, strict=True)):
        shared = own["task"].map(parts) > 1
        found[place] = own.assign(task=own["task"].mask(shared, part + "/" + own["task"]))
    joined: pd.DataFrame = pd.concat(found, ignore_index=True)
    return joined


def _part(name: Any, entry: Any) -> dict[str, Any]:
    try:
        TypeAdapter(Name).validate_python(name)
        entry = TypeAdapter(dict[str, Any]).validate_python({} if entry is None else entry)
        entry = {"kind": name} | entry
        return {"kind": entry["kind"], **_settings(entry).model_dump(mode="json")}
    except ValidationError as error:
        raise ValueError(f"{name}: {'; '.join(sentences(error, entry))}") from error
    except AnnobenchError as error:
        raise ValueError(f"{name}: {error}") from error


def _settings(entry: dict[str, Any]) -> Base:
    allowed = [kind for kind in kinds("data") if kind != KIND]
    if entry["kind"] not in allowed:
        raise AnnobenchError(unknown("kind", entry["kind"], allowed))
    data = component("data", entry["kind"])
    if getattr(data, "FREE_TEXT", False):
        raise AnnobenchError(
            f"found kind {entry['kind']!r}, whose items have no options; "
            "allowed: kinds whose items have some"
        )
    if getattr(data, "PAIRS", False):
        raise AnnobenchError(
            f"found kind {entry['kind']!r}, whose items are pairs of responses; "
            "allowed: kinds whose items are questions"
        )
    keys = {key: value for key, value in entry.items() if key != "kind"}
    settings: Base = data.Settings.model_validate(keys)
    return settings
