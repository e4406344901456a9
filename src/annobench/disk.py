"""A study's files, read from where `layout` says that they lie.

Stages that need no model do not pay for torch: what needs it is imported inside functions.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from annobench import assets, layout, recipes, tables
from annobench.evaluation.crowds import Crowd
from annobench.files import canonical_json, read_json
from annobench.stages.evaluate import read_crowd
from annobench.study import Cell, Study

if TYPE_CHECKING:
    from annobench.models.asking import Asker
    from annobench.models.decoder import States
    from annobench.models.tokens import TokenItem
    from annobench.stages.job import Job


def manifest_of(source: str) -> dict[str, Any]:
    """What was fetched as a model or encoder, see `assets.fetch_model`.

    Raises:
        AnnobenchError: it has not been fetched.
    """
    return read_json(Path(layout.MODEL.format(asset=layout.asset(source))))


def folder_of(source: str) -> Path:
    """Where a fetched model or encoder lies.

    Raises:
        AnnobenchError: it has not been fetched, or is no longer as it was fetched.
    """
    manifest = manifest_of(source)
    assets.check(manifest)
    return Path(manifest["folder"])


def place(point: Cell) -> dict[str, str]:
    """A cell's fields of the patterns of `layout`."""
    return dict(zip(layout.AXES, point.path.split("/"), strict=True))


@dataclass(frozen=True)
class Disk:
    """Every reader raises AnnobenchError where a file is missing or broken."""

    study: Study

    def path(self, pattern: str, **names: Any) -> Path:
        return Path(pattern.format(study=self.study.study, **names))

    def items(self, dataset: str) -> pd.DataFrame:
        return tables.read(self.path(layout.ITEMS, dataset=dataset), tables.ITEMS)

    def view_path(self, dataset: str, model: str, name: str) -> Path:
        return self.path(layout.VIEW, dataset=dataset, model=model, view=name)

    def view(self, dataset: str, model: str, name: str) -> pd.DataFrame:
        return tables.read(self.view_path(dataset, model, name), tables.VIEW)

    def embeddings(self, dataset: str) -> pd.DataFrame:
        """One row of numbers for each item, indexed by item."""
        from annobench.neighbours import by_item

        path = self.path(layout.EMBEDDINGS, dataset=dataset)
        return by_item(tables.read(path, tables.EMBEDDINGS))

    def feature_paths(self, dataset: str, model: str) -> tuple[Path, Path]:
        """Of the tokens and of the states."""
        names = {"dataset": dataset, "model": model}
        return self.path(layout.TOKENS, **names), self.path(layout.STATES, **names)

    def features(self, dataset: str, model: str) -> "tuple[list[TokenItem], States | None]":
        from annobench.stages.encode import read_features

        return read_features(*self.feature_paths(dataset, model))

    def draw_paths(self, dataset: str, noise: str, seed: int) -> tuple[Path, Path]:
        """Of the annotations and of the annotators' truth."""
        names = {"dataset": dataset, "noise": noise, "seed": seed}
        return self.path(layout.ANNOTATIONS, **names), self.path(layout.TRUTH, **names)

    def crowd(self, dataset: str, noise: str, seed: int) -> Crowd:
        return read_crowd(*self.draw_paths(dataset, noise, seed), dataset, noise, seed)

    def cell_folder(self, point: Cell) -> Path:
        return self.path(layout.CELL, **place(point))

    def cells(self) -> list[tuple[Path, Cell]]:
        """The folder of every cell of the study, in its order."""
        return [(self.cell_folder(point), point) for point in self.study.cells()]

    def table(self, name: str) -> pd.DataFrame:
        """A table of the whole study."""
        path = self.path(layout.STUDY_TABLE, table=name)
        return tables.read(path, tables.STUDY_SCHEMAS[name])

    def model_folder(self, model: str) -> Path:
        return folder_of(self.study.models[model].source)

    def reward_model(self, dataset: str) -> Path | None:
        """The folder of what judges a data set's responses, if there is one."""
        entry = getattr(self.study.datasets[dataset], "reward_model", None)
        return None if entry is None else folder_of(entry.source)

    def asker(self, dataset: str, model: str) -> "Asker":
        """The untrained model, to be asked; what it samples depends on its name."""
        from annobench.models.asking import Asker

        return Asker(
            self.model_folder(model),
            self.study.models[model],
            self.study.views,
            self.study.shared_training(dataset, model),
            ("asked", model),
        )

    def job(self, point: Cell) -> "Job":
        """All that decides a cell's result."""
        from annobench.stages.job import Job

        study, dataset, model = self.study, point.dataset, point.model
        crowd = None
        if point.noise is not None and point.seed is not None:
            crowd = self.crowd(dataset, point.noise, point.seed)
        tokens, states = self.features(dataset, model)
        asked = [
            recipes.asked_anew(study, dataset, model),
            recipes.code("annobench.models.asking"),
            manifest_of(study.models[model].source)["sha256"],
        ]
        return Job(
            items=self.items(dataset),
            annotations=None if crowd is None else crowd.annotations,
            truth=None if crowd is None else crowd.truth,
            tokens=tokens,
            states=states,
            folder=self.model_folder(model),
            model=study.models[model],
            method=study.method(point),
            settings=study.methods[point.method],
            training=study.training_of(point),
            stream=(model, *(() if point.seed is None else (point.seed,))),
            views={name: self.view(dataset, model, name) for name in study.views_of(point)},
            embeddings=self.embeddings(dataset) if study.embeds(point) else None,
            asker=self.asker(dataset, model),
            answers=self.path(layout.ASKED, dataset=dataset, model=model),
            answers_recipe=canonical_json(asked),
            export=point.method in study.export,
            reward_model=self.reward_model(dataset),
        )
