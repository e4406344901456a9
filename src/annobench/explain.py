"""What is wrong with a study, in sentences: pydantic's errors as `key: found X; allowed: Y`."""

import re
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from annobench.errors import shown
from annobench.registry import unknown


def sentences(error: ValidationError, data: Any) -> list[str]:
    """One sentence for each mistake in `data`; a block with a mistake inside is not one itself."""
    details = error.errors()
    inside = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
    return [sentence(detail, data) for detail in details if detail["loc"] not in inside - {()}]


def sentence(detail: ErrorDetails, data: Any) -> str:
    context, found = detail.get("ctx", {}), f"found {shown(detail['input'])}"
    match detail["type"]:
        case "value_error":
            text = str(context["error"])
        case "union_tag_invalid":
            text = unknown("kind", context["tag"], _listed(context["expected_tags"]))
        case "union_tag_not_found":
            text = f"{found}; allowed: keys with their values, `kind` among them"
        case "literal_error":
            text = unknown("value", str(detail["input"]), _listed(context["expected"]))
        case "string_pattern_mismatch":
            text = f"{found}; allowed: what matches {context['pattern']}"
        case "too_short":
            text = f"{found}; allowed: {context['min_length']} or more"
        case "model_type" | "model_attributes_type" | "dict_type":
            text = f"{found}; allowed: keys with their values"
        case "missing":
            text = "is missing"
        case _:
            text = f"{found}; allowed: {detail['msg'].removeprefix('Input should be ')}"
    place = ".".join(map(str, _place(detail, data)))
    return f"{place}: {text}" if place else text


def _place(detail: ErrorDetails, data: Any) -> list[str | int]:
    """Where the mistake is in the file: pydantic's location without its own marks.

    Those are the branch of a union and the sign for a key; the file does not hold them.
    """
    place: list[str | int] = []
    for part in detail["loc"]:
        if _holds(data, part):
            data = data[part]
        elif detail["type"] != "missing" or part != detail["loc"][-1]:
            continue
        place.append(part)
    return place


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int)


def _listed(expected: str) -> list[str]:
    """pydantic's "'a', 'b' or 'c'" as a list."""
    return re.findall(r"'([^']*)'", expected)
