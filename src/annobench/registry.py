"""Components by file name: `methods/dawid_skene.py` is the method kind `dawid-skene`.

A package of components (data, noise, methods, ...) holds one file per kind and nothing else, so
adding a kind is adding a file. What a file must define is written in its package's `__init__.py`.
Names of files are listed without importing them; a component is imported when it is asked for.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from types import ModuleType

from annobench.errors import AnnobenchError, shown

LISTED = 40
"""How many allowed names an error lists."""


@cache
def kinds(package: str) -> tuple[str, ...]:
    """The kinds in `annobench.<package>`, sorted."""
    path = importlib.import_module(f"annobench.{package}").__path__
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(path)))


def module_name(package: str, kind: str) -> str:
    return f"annobench.{package}.{kind.replace('-', '_')}"


@cache
def component(package: str, kind: str) -> ModuleType:
    """The module that defines a kind.

    Raises:
        AnnobenchError: there is no such kind.
    """
    if kind not in kinds(package):
        raise AnnobenchError(unknown(f"{package} kind", kind, kinds(package)))
    return importlib.import_module(module_name(package, kind))


def unknown(where: str, found: str, allowed: Sequence[str]) -> str:
    """One sentence about a name that is not among the allowed ones, with the nearest valid name."""
    near = get_close_matches(str(found), allowed, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(allowed[:LISTED]) or "none"
    more = f" and {len(allowed) - LISTED} more" if len(allowed) > LISTED else ""
    return f"{where} {shown(found)} is unknown: {hint}allowed: {listed}{more}"
