"""What decides a file's content: a recipe of settings, and a digest of the code that reads them.

Snakemake compares both with what made the file, so that a file is stale exactly when one of them
has changed. A recipe is canonical JSON: the order of keys and comments in the study do not matter.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import annobench
from annobench.entries import PACKAGES, Entry
from annobench.evaluation import METRICS
from annobench.files import canonical_json
from annobench.registry import kinds, module_name
from annobench.settings import Settings
from annobench.study import Cell, Study
from annobench.training.settings import Training


def _settings(entry: Settings) -> dict[str, Any]:
    return entry.model_dump(mode="json", exclude={"training"})


def _arithmetic(training: Training) -> dict[str, Any]:
    """The keys of `training` that decide what a model computes without training."""
    return training.model_dump(mode="json", include={"precision", "row_tokens", "threads"})


def whole(study: Study) -> dict[str, Any]:
    """The study as it is run, overrides included."""
    return study.model_dump(mode="json")


def report(study: Study) -> dict[str, Any]:
    """Of the report: the whole study, but for what changes no result."""
    return study.model_dump(mode="json", exclude={"jobs_per_gpu"})


def source(study: Study, name: str) -> dict[str, Any]:
    """Of a fetched model or encoder."""
    return {"source": name, "sha256": study.sources()[name]}


def items(study: Study, dataset: str) -> dict[str, Any]:
    """Of a data set's items. Its name decides too, through the random streams."""
    return {
        "dataset": dataset,
        "settings": _settings(study.datasets[dataset]),
        "hub_root": study.hub_root,
    }


def responses(study: Study, dataset: str) -> dict[str, Any]:
    """Of what models respond to a data set's prompts, or how they score its responses."""
    training = study.making(dataset)
    return {
        "items": items(study, dataset),
        "training": _arithmetic(training),
    }


def annotations(study: Study, dataset: str, noise: str, seed: int) -> dict[str, Any]:
    """Of one draw of annotations."""
    judge = study.judge(noise)
    return {
        "items": items(study, dataset),
        "noise": noise,
        "settings": _settings(study.noise[noise]),
        "judge": None if judge is None else view(study, dataset, judge, "base"),
        "seed": seed,
    }


def features(study: Study, dataset: str, name: str) -> dict[str, Any]:
    """Of a data set's tokens and frozen states under a model."""
    training = study.shared_training(dataset, name)
    return {
        "items": items(study, dataset),
        "model": _settings(study.models[name]),
        "training": _arithmetic(training),
    }


_ASKED = {"answer_tokens", "side_by_side"}
_SAMPLED = {"new_tokens", "side_by_side", "temperature"}
_WRITTEN = {"side_by_side", "verbal"}
_RESPONDED = {"response_tokens", "side_by_side", "temperature"}
_VIEW_KEYS = {
    "base": _ASKED,
    "reasoning": _ASKED | {"reflections"},
    "base-generated": _SAMPLED,
    "reasoning-generated": _SAMPLED | {"reflections"},
    "responses": _RESPONDED,
}
"""The keys of `views` that decide each view."""


def asked(study: Study, dataset: str, name: str, keys: set[str]) -> dict[str, Any]:
    """Of what an untrained model is asked about a data set; `keys` of `views` decide it."""
    training = study.shared_training(dataset, name)
    return {
        "name": name,
        "model": study.models[name].model_dump(mode="json", exclude={"training", "tune"}),
        "views": study.views.model_dump(mode="json", include=keys),
        "training": _arithmetic(training),
    }


def asked_anew(study: Study, dataset: str, name: str) -> dict[str, Any]:
    """Of what a cell asks on its own."""
    return asked(study, dataset, name, _ASKED | _SAMPLED)


def view(study: Study, dataset: str, name: str, kind: str) -> dict[str, Any]:
    """Of one view of a data set's items by a model."""
    return {
        "items": items(study, dataset),
        "view": kind,
        "asked": asked(study, dataset, name, _VIEW_KEYS[kind]),
    }


def embeddings(study: Study, dataset: str) -> dict[str, Any]:
    """Of a data set's sentence embeddings."""
    return {
        "items": items(study, dataset),
        "encoder": study.views.encoder.model_dump(mode="json"),
    }


def cell(study: Study, point: Cell) -> dict[str, Any]:
    """Of a cell's files. `export` stands only in those that keep their model, so that one more
    exported method reruns no cell of another."""
    labels = None
    if point.noise is not None and point.seed is not None:
        labels = annotations(study, point.dataset, point.noise, point.seed)
    needs = study.method(point).NEEDS
    # Free text is predicted by asking, too.
    keys = _ASKED if study.asks_for_text(point.dataset) else set()
    keys = keys | _ASKED | _SAMPLED if needs.model else keys
    keys = keys | _WRITTEN if study.views.verbal else keys
    keys = keys | _RESPONDED if needs.preferences and needs.training else keys
    reads = {
        "views": [view(study, point.dataset, point.model, v) for v in study.views_of(point)],
        "embeddings": embeddings(study, point.dataset) if needs.embeddings else None,
        "asked": asked(study, point.dataset, point.model, keys) if keys else None,
    }
    training = study.training_of(point).model_dump(mode="json")
    recipe = {
        "annotations": labels,
        "features": features(study, point.dataset, point.model),
        "model": point.model,
        "method": _settings(study.methods[point.method]),
        "training": training if needs.training else {},
        "seed": point.seed,
    } | {name: read for name, read in reads.items() if read}
    return recipe | ({"export": True} if point.method in study.export else {})


def evaluation(study: Study) -> dict[str, Any]:
    """Of the study's tables: which cells there are, and their order."""
    return {"cells": [point.path for point in study.cells()]}


def rendering(entry: Settings) -> dict[str, Any]:
    """Of one table or figure."""
    return _settings(entry)


def items_code(study: Study, dataset: str) -> str:
    """Digest of the code that makes a data set's items."""
    kind = study.datasets[dataset].kind
    return code("annobench.stages.prepare", module_name("data", kind))


def responses_code(study: Study, dataset: str) -> str:
    """Digest of the code that makes a data set's responses."""
    kind = study.datasets[dataset].kind
    return code("annobench.stages.respond", module_name("data", kind))


def annotations_code(study: Study, noise: str) -> str:
    """Digest of the code that draws annotations."""
    kind = study.noise[noise].kind
    return code("annobench.stages.annotate", module_name("noise", kind))


def evaluation_code() -> str:
    """Digest of the code that measures cells, every metric's and estimator's included."""
    measured = (*METRICS, "attentiveness")
    metrics = [module_name(package, kind) for package in measured for kind in kinds(package)]
    return code("annobench.stages.evaluate", "annobench.evaluation.study", *metrics)


def rendering_code(block: str, entry: Entry) -> str:
    """Digest of the code that makes a table or a figure."""
    shared = {"tables": "formats", "figures": "style"}[block]
    return code(f"annobench.reporting.{shared}", module_name(PACKAGES[block], entry.kind))


def cell_code(study: Study, point: Cell) -> str:
    """Digest of the code that trains a cell: the stage's, its method's and its estimator's."""
    estimator = getattr(study.methods[point.method], "users", None)
    own = [] if estimator is None else [module_name("attentiveness", estimator.kind)]
    return code("annobench.stages.record", study.method(point).__name__, *own)


def text(recipe: dict[str, Any]) -> str:
    """A recipe as Snakemake compares it."""
    return canonical_json(recipe)


@cache
def code(*modules: str) -> str:
    """Digest of these modules of annobench and of all that they import from it.

    Modules are parsed, not imported. Comments, docstrings and layout do not count.
    """
    shapes = {name: _read(name)[1] for name in sorted(_closure(modules))}
    return _digest(canonical_json(shapes))[:16]


def _closure(modules: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(name)
    return found


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules of annobench that a module imports, at its top or inside a function."""
    ours = [name for name in _read(module)[0] if name.split(".")[0] == annobench.__name__]
    return tuple(name for name in ours if _file(name) is not None)


@cache
def _file(module: str) -> Path | None:
    """The module's source, or None if the name is not a module but something in one."""
    root = Path(annobench.__path__[0])
    path = root.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


parsed: dict[str, tuple[list[str], str]] = {}
"""Of each source that was parsed, by its digest: the names that it imports, and the digest of its
shape."""


@cache
def _read(module: str) -> tuple[list[str], str]:
    """What `parsed` holds of a module."""
    path = _file(module)
    if path is None:
        raise ModuleNotFoundError(module)
    source = path.read_text(encoding="utf-8")
    key = _digest(source)
    if key not in parsed:
        tree = ast.parse(source)
        parsed[key] = _names(tree), _digest(canonical_json(_shape(tree)))
    return parsed[key]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _names(tree: ast.Module) -> list[str]:
    """All that a module imports, or imports something from."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _shape(node: Any) -> Any:
    """A syntax tree as plain data, the same in every version of Python that we support."""
    if isinstance(node, list):
        return [_shape(child) for child in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: value for name, value in ast.iter_fields(node) if value not in (None, [])}
    if isinstance(fields.get("body"), list):
        fields["body"] = [child for child in fields["body"] if not _is_text(child)]
    return [type(node).__name__, {name: _shape(value) for name, value in sorted(fields.items())}]


def _is_text(statement: ast.stmt) -> bool:
    """A string that stands by itself: a docstring, of a module, function, class or attribute."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
