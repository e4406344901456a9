"""The typed, closed model of a study file, and the grid of cells that it describes.

Validation imports neither torch nor pandas: it reads the `Settings` of the component files.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PositiveInt, ValidationError, model_validator

from annobench import explain, seals
from annobench.entries import Datasets, Figures, Methods, ModelEntry, Noises, Tables
from annobench.errors import AnnobenchError
from annobench.files import read_yaml
from annobench.models.settings import Views
from annobench.registry import component, unknown
from annobench.settings import Name, Settings
from annobench.training.settings import Training, merged

if TYPE_CHECKING:
    from annobench.entries import ShownEntry

HUB_ROOT = "ANNOBENCH_HUB_ROOT"
Seed = Annotated[int, Field(ge=0, lt=2**63)]
MOST_POINTS = 1_000_000
"""In the grid of a study."""
AXES = ("datasets", "noise", "models", "methods")


class Exclusion(Settings):
    """Cells to leave out: those that match every axis given here."""

    datasets: list[Name] | None = None
    """Names of data sets; all if absent."""
    noise: list[Name] | None = None
    """Names of kinds of noise; all if absent."""
    models: list[Name] | None = None
    """Names of models; all if absent."""
    methods: list[Name] | None = None
    """Names of methods; all if absent."""

    def covers(self, cell: "Cell") -> bool:
        wanted = (self.datasets, self.noise, self.models, self.methods)
        given = (cell.dataset, cell.noise, cell.model, cell.method)
        pairs = zip(wanted, given, strict=True)
        return all(names is None or name in names for names, name in pairs)


@dataclass(frozen=True)
class Cell:
    """One point of the grid. An axis that the method does not depend on is None."""

    dataset: str
    noise: str | None
    model: str
    method: str
    seed: int | None

    @property
    def path(self) -> str:
        """The cell as path parts, `_` for an axis it does not depend on."""
        noise = "_" if self.noise is None else self.noise
        seed = "_" if self.seed is None else str(self.seed)
        return "/".join([self.dataset, noise, self.model, self.method, seed])


class Study(Settings):
    """A study: the axes, their settings, and what to make of the results."""

    study: Name
    """Name of the study; its results go to `results/<name>`."""
    seeds: Annotated[list[Seed], Field(min_length=1)] = [0, 1, 2]
    """One run of every random cell for each seed."""
    hub_root: str | None = Field(default_factory=lambda: os.environ.get(HUB_ROOT))
    """Folder of a local mirror that data sets are read from instead of the Hugging Face Hub, with
    the Hub's layout; by default the environment variable ANNOBENCH_HUB_ROOT, if it is set."""
    jobs_per_gpu: PositiveInt = 1
    """Most jobs at work on one GPU at a time, those of other studies included; a job that finds all
    taken waits. It changes no result. See docs/gpus.md."""
    datasets: Datasets
    """Where items come from."""
    models: dict[Name, ModelEntry]
    """What is fine-tuned."""
    noise: Noises = {}
    """How annotations come to be."""
    methods: Methods
    """How a model learns from annotations."""
    views: Views = Views()
    """How untrained models are asked, for methods that look at what a model itself says."""
    training: Training = Training()
    """How every cell trains."""
    exclude: list[Exclusion] = []
    """Combinations to leave out."""
    export: list[Name] = []
    """Names of methods whose trained models are kept, in `results/<study>/models`, each as a folder
    that transformers (or PEFT) loads, with a model card, predictions and the annotators."""
    tables: Tables = {}
    """Tables to make."""
    figures: Figures = {}
    """Figures to make."""

    @model_validator(mode="after")
    def _possible(self) -> "Study":
        for field in ("datasets", "models", "methods"):
            if not getattr(self, field):
                raise ValueError(f"{field}: found no entry; allowed: one or more")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: found {self.seeds}; allowed: different numbers")
        sizes = [len(getattr(self, axis)) or 1 for axis in AXES]
        if (points := prod(sizes) * len(self.seeds)) > MOST_POINTS:
            raise ValueError(f"found a grid of {points:,} cells; allowed: at most {MOST_POINTS:,}")
        self._exclusions_name_entries()
        self.sources()
        for name in self.noise:
            judge = self.judge(name)
            if judge is not None and judge not in self.models:
                raise ValueError(unknown(f"noise.{name}.model:", judge, list(self.models)))
        cells = self.cells()
        if not cells:
            raise ValueError("exclude: leaves no cell; allowed: one or more")
        for cell in cells:
            self._has_what_it_needs(cell)
            self._takes_its_text(cell)
            self._takes_its_pairs(cell)
            if self.method(cell).NEEDS.verbal and self.views.verbal is None:
                raise ValueError(
                    f"methods.{cell.method} needs views.verbal, which is missing; allowed: how a "
                    "model is asked to write distributions down, say {form: list}"
                )
        for method in self.export:
            if method not in self.methods:
                raise ValueError(unknown("export:", method, list(self.methods)))
            if not self._needs(method).training:
                raise ValueError(f"export: found {method!r}; allowed: methods that train a model")
        for block in ("tables", "figures"):
            for name, rendered in getattr(self, block).items():
                self._names_entries(f"{block}.{name}", rendered)
        needing = [n for n in self.methods if self._needs(n).annotations]
        if needing and not self.noise:
            raise ValueError(f"methods.{needing[0]} needs annotations; allowed: one noise or more")
        return self

    def _exclusions_name_entries(self) -> None:
        for number, exclusion in enumerate(self.exclude):
            for axis in AXES:
                for name in getattr(exclusion, axis) or []:
                    if name not in getattr(self, axis):
                        names = list(getattr(self, axis))
                        raise ValueError(unknown(f"exclude.{number}.{axis}:", name, names))

    def _names_entries(self, where: str, entry: "ShownEntry") -> None:
        """Refuse a table or figure of what the study has not."""
        for key, axis, name in entry.named():
            if name not in getattr(self, axis):
                raise ValueError(unknown(f"{where}.{key}:", name, list(getattr(self, axis))))

    def _has_what_it_needs(self, cell: Cell) -> None:
        if cell.noise is None:
            return
        needs, entry = self.method(cell).NEEDS, self.noise[cell.noise]
        kind = component("noise", entry.kind)
        lacking = {
            "annotator ids": needs.annotator_ids and not kind.has_annotator_ids(entry),
            "the annotators' true expertise": needs.truth and not kind.has_truth(entry),
        }
        for what, lacks in lacking.items():
            if lacks:
                raise ValueError(
                    f"methods.{cell.method} needs {what}, and noise.{cell.noise} has none; "
                    f"allowed: noise with {what}, or an `exclude` entry for the pair"
                )

    def _takes_its_text(self, cell: Cell) -> None:
        """Refuse a data set of free text where noise or method needs options."""
        if not self.asks_for_text(cell.dataset):
            return
        needing = {f"methods.{cell.method}": self.method(cell).NEEDS.options}
        if cell.noise is not None:
            kind = self.noise[cell.noise].kind
            needing[f"noise.{cell.noise}"] = not _free_text("noise", kind)
        for what, needs in needing.items():
            if needs:
                raise ValueError(
                    f"{what} needs options, and datasets.{cell.dataset} has free text; allowed: "
                    f"{what.partition('.')[0]} for free text, or an `exclude` entry for the pair"
                )

    def _takes_its_pairs(self, cell: Cell) -> None:
        """Refuse data without pairs of responses where noise or method compares such."""
        if self.has_pairs(cell.dataset):
            return
        needing = {f"methods.{cell.method}": self.method(cell).NEEDS.preferences}
        if cell.noise is not None:
            noise = component("noise", self.noise[cell.noise].kind)
            needing[f"noise.{cell.noise}"] = getattr(noise, "PAIRS", False)
        for what, needs in needing.items():
            if needs:
                raise ValueError(
                    f"{what} needs pairs of responses, and datasets.{cell.dataset} has none; "
                    "allowed: data sets of pairs, or an `exclude` entry for the pair"
                )

    def judge(self, noise: str) -> str | None:
        """The model whose zero-shot answers a noise depends on, if it depends on one."""
        entry = self.noise[noise]
        found: str | None = component("noise", entry.kind).judge(entry)
        return found

    def views_of(self, cell: Cell) -> tuple[str, ...]:
        """The views that a cell's method reads."""
        method = self.method(cell)
        if method.NEEDS.preferences and method.NEEDS.training:
            return ("responses",)  # which its own are held against
        views = getattr(method, "views", None)
        found: tuple[str, ...] = () if views is None else views(self.methods[cell.method])
        return found

    def shown_views(self) -> list[tuple[str, str, str]]:
        """Data set, model and name of every view of answers that a cell or a judge reads."""
        read = {(c.dataset, c.model, name) for c in self.cells() for name in self.views_of(c)}
        read = {view for view in read if view[-1] != "responses"}
        for draw in self.draws():
            judge = self.judge(draw["noise"])
            if judge is not None:
                read.add((draw["dataset"], judge, "base"))
        return sorted(read)

    def asks_for_text(self, dataset: str) -> bool:
        """Whether a data set's items have no options but ask for free text."""
        return _free_text("data", self.datasets[dataset].kind)

    def has_pairs(self, dataset: str) -> bool:
        """Whether a data set's items are pairs of responses."""
        return bool(getattr(component("data", self.datasets[dataset].kind), "PAIRS", False))

    def makers(self, dataset: str) -> tuple[Any, ...]:
        """The models that respond to a data set's prompts or score its responses, if there are."""
        found: tuple[Any, ...] = getattr(self.datasets[dataset], "models", ())
        return found

    def embeds(self, cell: Cell) -> bool:
        """Whether a cell's method needs sentence embeddings."""
        return bool(self._needs(cell.method).embeddings)

    def sources(self) -> dict[str, str | None]:
        """What is to be fetched, and its checksum: the models, those that take part in making data
        sets, and the encoder if it is needed."""
        makers = [model for name in self.datasets for model in self.makers(name)]
        asked = [(model.source, model.sha256) for model in [*self.models.values(), *makers]]
        if any(self.embeds(cell) for cell in self.cells()):
            asked.append((self.views.encoder.source, self.views.encoder.pin))
        found: dict[str, str | None] = {}
        for source, pin in asked:
            if None not in (pin, found.get(source)) and pin != found[source]:
                raise ValueError(f"{source}: found two values of sha256; allowed: one")
            found[source] = found.get(source) or pin
        return found

    def _needs(self, method: str) -> Any:
        return component("methods", self.methods[method].kind).NEEDS

    def method(self, cell: Cell) -> ModuleType:
        """The module of a cell's method."""
        return component("methods", self.methods[cell.method].kind)

    def cells(self) -> list[Cell]:
        """Every cell once, in the order of their paths: keys may stand anywhere in the file."""
        return list(self._cells)

    @cached_property
    def _cells(self) -> list[Cell]:
        return sorted(set(self._grid()), key=lambda cell: cell.path)

    def draws(self) -> list[dict[str, Any]]:
        """Data set, noise and seed of every draw of annotations that a cell learns from."""
        places = {(c.dataset, c.noise, c.seed) for c in self.cells() if c.noise is not None}
        return [
            dict(zip(("dataset", "noise", "seed"), place, strict=True)) for place in sorted(places)
        ]

    def _grid(self) -> Iterator[Cell]:
        points: Iterator[tuple[str, str | None, str, str, int]] = product(
            self.datasets, self.noise or [None], self.models, self.methods, self.seeds
        )
        for dataset, noise, model, method, seed in points:
            needs = self._needs(method)
            cell = Cell(
                dataset,
                noise if needs.annotations else None,
                model,
                method,
                seed if needs.annotations or needs.training else None,
            )
            if not any(exclusion.covers(cell) for exclusion in self.exclude):
                yield cell

    def shared_training(self, dataset: str, model: str) -> Training:
        """The training settings that all cells of a data set and model share."""
        return self._shared_training[dataset, model]

    @cached_property
    def _shared_training(self) -> dict[tuple[str, str], Training]:
        return {
            (dataset, model): merged(self.training, data.training, entry.training)
            for dataset, data in self.datasets.items()
            for model, entry in self.models.items()
        }

    def making(self, dataset: str) -> Training:
        """The training settings, precision and threads say, of a data set's `makers`."""
        return merged(self.training, self.datasets[dataset].training)

    def training_of(self, cell: Cell) -> Training:
        """The study's training settings under the cell's entries' overrides."""
        shared = self.shared_training(cell.dataset, cell.model)
        noise = [] if cell.noise is None else [self.noise[cell.noise].training]
        return merged(shared, *noise, self.methods[cell.method].training)


def _free_text(package: str, kind: str) -> bool:
    """Whether a kind says that it is of, or for, free text."""
    return bool(getattr(component(package, kind), "FREE_TEXT", False))


def read_study(path: Path) -> Study:
    """Read and validate a study file (YAML or JSON).

    Raises:
        AnnobenchError: the file cannot be read or is not a valid study.
    """
    return parse_study(read_yaml(path), str(path))


def parse_study(data: dict[str, Any], where: str) -> Study:
    """Validate a study that is already a mapping, with or without the seal of its file; `where`
    names it in errors.

    Raises:
        AnnobenchError: one sentence for each mistake: key, what was found, what is allowed.
    """
    data = {key: value for key, value in data.items() if key != seals.MARK}
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        mistakes = explain.sentences(error, data)
        raise AnnobenchError("\n".join(f"{where}: {mistake}" for mistake in mistakes)) from error
