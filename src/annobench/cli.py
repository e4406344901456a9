"""The command line: one command for each stage, as the workflow calls them.

Heavy packages are imported when a command runs, so that --help and validate stay quick.
"""

import logging
import shlex
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annobench import errors, layout, recipes, reference
from annobench.errors import AnnobenchError
from annobench.files import canonical_json, read_json, write_json
from annobench.registry import unknown
from annobench.study import Cell, Study, read_study

if TYPE_CHECKING:
    from annobench.models.asking import Asker

app = typer.Typer(
    name="annobench",
    help=__doc__.splitlines()[0] if __doc__ else None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (YAML or JSON).")]
DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A data set of the study.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A model of the study.")]
CellName = Annotated[
    str, typer.Argument(help="DATASET/NOISE/MODEL/METHOD/SEED, `_` for an axis it has not.")
]
NoiseName = Annotated[str, typer.Argument(metavar="NOISE", help="A noise of the study.")]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose errors that a user can mend are one sentence on stderr and exit status 2."""

    @app.command(name=function.__name__.replace("_", "-"))
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
        )
        with errors.plain():
            function(*args, **kwargs)

    return run


def _log_command() -> None:
    logging.getLogger("annobench").info("$ annobench %s", shlex.join(sys.argv[1:]))


def _entry(entries: dict[str, Any], axis: str, name: str) -> Any:
    if name not in entries:
        raise AnnobenchError(unknown(f"{axis}:", name, list(entries)))
    return entries[name]


def _path(pattern: str, study: Study, **names: Any) -> Path:
    return Path(pattern.format(study=study.study, **names))


def _view_path(study: Study, dataset: str, model: str, name: str) -> Path:
    return _path(layout.VIEW, study, dataset=dataset, model=model, view=name)


def _folder(source: str) -> Path:
    """Where a fetched model lies."""
    manifest = Path(layout.MODEL.format(asset=layout.asset(source)))
    return Path(read_json(manifest)["folder"])


def _model_folder(study: Study, model: str) -> Path:
    return _folder(study.models[model].source)


def _asker(study: Study, dataset: str, model: str) -> "Asker":
    """An untrained model that can be asked; what it samples depends on its name."""
    from annobench.models.asking import Asker

    training = study.shared_training(dataset, model)
    folder = _model_folder(study, model)
    return Asker(folder, study.models[model], study.views, training, ("asked", model))


@command
def validate(file: StudyFile) -> None:
    """Check a study and say what it holds: cells, what is shared, what it needs."""
    typer.echo(reference.contents(read_study(file)))


@command
def schema() -> None:
    """Print the JSON schema of a study file."""
    typer.echo(reference.schema(), nl=False)


@command
def keys() -> None:
    """Print the reference of all keys of a study file, as Markdown."""
    typer.echo(reference.keys(), nl=False)


@command
def fetch(
    file: StudyFile,
    source: Annotated[str, typer.Argument(help="A source of the study: a model's or encoder's.")],
) -> None:
    """Fetch a model's files and check their checksums."""
    from annobench.assets import Source, fetch_model

    _log_command()
    sha256 = _entry(read_study(file).sources(), "sources", source)
    manifest = Path(layout.MODEL.format(asset=layout.asset(source)))
    found = fetch_model(Source.parse(source), sha256, manifest.with_suffix(""))
    write_json(manifest, found)


@command
def prepare(file: StudyFile, dataset: DatasetName) -> None:
    """Build a data set's items."""
    from annobench import tables
    from annobench.stages.prepare import prepare as stage

    _log_command()
    study = read_study(file)
    entry = _entry(study.datasets, "datasets", dataset)
    root = None if study.hub_root is None else Path(study.hub_root)
    items = stage(dataset, entry.kind, entry, root)
    tables.write(_path(layout.ITEMS, study, dataset=dataset), items, tables.ITEMS)


@command
def annotate(file: StudyFile, dataset: DatasetName, noise: NoiseName, seed: int) -> None:
    """Draw the annotations of a data set's training items."""
    from annobench import tables
    from annobench.stages.annotate import annotate as stage

    _log_command()
    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    entry = _entry(study.noise, "noise", noise)
    if seed not in study.seeds:
        raise AnnobenchError(f"seeds: found {seed}; allowed: {', '.join(map(str, study.seeds))}")
    items = tables.read(_path(layout.ITEMS, study, dataset=dataset), tables.ITEMS)
    base = None
    if (judge := study.judge(noise)) is not None:
        base = tables.read(_view_path(study, dataset, judge, "base"), tables.VIEW)
    annotations, truth = stage(items, base, dataset, noise, entry.kind, entry, seed)
    place = {"dataset": dataset, "noise": noise, "seed": seed}
    tables.write(_path(layout.TRUTH, study, **place), truth, tables.TRUTH)
    tables.write(_path(layout.ANNOTATIONS, study, **place), annotations, tables.ANNOTATIONS)


@command
def encode(file: StudyFile, dataset: DatasetName, model: ModelName) -> None:
    """Tokenize a data set for a model and run the model's frozen layers once."""
    from annobench import tables
    from annobench.stages import encode as stage

    _log_command()
    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    entry = _entry(study.models, "models", model)
    training = study.shared_training(dataset, model)
    items = tables.read(_path(layout.ITEMS, study, dataset=dataset), tables.ITEMS)
    tokens, states = stage.encode(items, _model_folder(study, model), entry, training)
    place = {"dataset": dataset, "model": model}
    stage.write_features(
        _path(layout.TOKENS, study, **place), _path(layout.STATES, study, **place), tokens, states
    )


@command
def view(
    file: StudyFile,
    dataset: DatasetName,
    model: ModelName,
    name: Annotated[str, typer.Argument(help="base, reasoning; or either with -generated.")],
) -> None:
    """Ask an untrained model all items of a data set."""
    from annobench import tables
    from annobench.methods import VIEWS
    from annobench.stages.view import view as stage

    _log_command()
    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    _entry(study.models, "models", model)
    _entry(dict.fromkeys(VIEWS, True), "views", name)
    items = tables.read(_path(layout.ITEMS, study, dataset=dataset), tables.ITEMS)
    found = stage(name, _asker(study, dataset, model), items, study.views.reflections)
    tables.write(_view_path(study, dataset, model, name), found, tables.VIEW)


@command
def embed(file: StudyFile, dataset: DatasetName) -> None:
    """Embed the prompts of a data set with the study's sentence encoder."""
    from annobench import tables
    from annobench.stages.embed import embeddings

    _log_command()
    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    items = tables.read(_path(layout.ITEMS, study, dataset=dataset), tables.ITEMS)
    found = embeddings(items, _folder(study.views.encoder.source), study.training.threads)
    tables.write(_path(layout.EMBEDDINGS, study, dataset=dataset), found, tables.EMBEDDINGS)


@command
def train(
    file: StudyFile,
    cell: CellName,
    checkpoint_seconds: Annotated[
        float, typer.Option(help="Seconds between checkpoints; 0 saves after every step.")
    ] = 60.0,
) -> None:
    """Train one cell and predict all items; continue from its checkpoint if there is one."""
    from annobench import tables
    from annobench.stages import encode as features
    from annobench.stages import train as stage
    from annobench.stages.embed import by_item
    from annobench.training.loop import Checkpointing

    _log_command()
    study = read_study(file)
    cells = {point.path: point for point in study.cells()}
    point: Cell = _entry(cells, "cells", cell)
    counter = f"cell {list(cells).index(cell) + 1} of {len(cells)}: {cell}"
    logging.getLogger("annobench").info(counter)
    place = _place(point)
    recipe = recipes.cell(study, point)
    annotations, truth = None, None
    if point.noise is not None:
        annotations = tables.read(_path(layout.ANNOTATIONS, study, **place), tables.ANNOTATIONS)
        truth = tables.read(_path(layout.TRUTH, study, **place), tables.TRUTH)
    tokens, states = features.read_features(
        _path(layout.TOKENS, study, **place), _path(layout.STATES, study, **place)
    )
    embeddings = None
    if study.embeds(point):
        path = _path(layout.EMBEDDINGS, study, **place)
        embeddings = by_item(tables.read(path, tables.EMBEDDINGS))
    job = stage.Job(
        items=tables.read(_path(layout.ITEMS, study, **place), tables.ITEMS),
        annotations=annotations,
        truth=truth,
        tokens=tokens,
        states=states,
        folder=_model_folder(study, point.model),
        model=study.models[point.model],
        method=study.method(point),
        settings=study.methods[point.method],
        training=study.training_of(point),
        stream=(point.model, *(() if point.seed is None else (point.seed,))),
        views={
            name: tables.read(_view_path(study, point.dataset, point.model, name), tables.VIEW)
            for name in study.views_of(point)
        },
        embeddings=embeddings,
        asker=_asker(study, point.dataset, point.model),
        answers=_path(layout.ASKED, study, **place),
        asked=canonical_json(
            [
                recipes.asked_anew(study, point.dataset, point.model),
                recipes.code("annobench.models.asking"),
            ]
        ),
        export=point.method in study.export,
    )
    saving = Checkpointing(
        _path(layout.CHECKPOINT, study, **place),
        checkpoint_seconds,
        canonical_json([recipe, recipes.cell_code(study, point)]),
    )
    run = stage.record(job, saving, recipe, _path(layout.CELL, study, **place))
    reason = f" ({run['reason']})" if run["reason"] else ""
    typer.echo(f"{counter}: {run['status']}{reason}, {run['total_seconds']:.1f} s")


def _place(point: Cell) -> dict[str, Any]:
    """A cell's wildcards."""
    axes = ("dataset", "noise", "model", "method", "seed")
    return dict(zip(axes, point.path.split("/"), strict=True))


@command
def evaluate(file: StudyFile) -> None:
    """Measure every cell, average over seeds and compare methods."""
    from annobench import tables
    from annobench.evaluation.study import evaluate as core
    from annobench.stages.evaluate import read_cell, read_crowd

    _log_command()
    study = read_study(file)
    items = {
        name: tables.read(_path(layout.ITEMS, study, dataset=name), tables.ITEMS)
        for name in dict.fromkeys(point.dataset for point in study.cells())
    }
    cells = (
        read_cell(_path(layout.CELL, study, **_place(point)), **vars(point))
        for point in study.cells()
    )
    crowds = (
        read_crowd(
            _path(layout.ANNOTATIONS, study, **draw), _path(layout.TRUTH, study, **draw), **draw
        )
        for draw in study.draws()
    )
    views = {
        place: tables.read(_view_path(study, *place), tables.VIEW) for place in study.shown_views()
    }
    frames = core(cells, items, crowds, views)
    for name in layout.STUDY_TABLES:
        path = _path(layout.STUDY_TABLE, study, table=name)
        tables.write(path, getattr(frames, name), tables.STUDY_SCHEMAS[name])


@command
def export(file: StudyFile, cell: CellName) -> None:
    """Write a cell's trained model as a folder that transformers or PEFT loads, with its card."""
    from annobench import tables
    from annobench.stages import export as stage

    _log_command()
    study = read_study(file)
    exported = {point.path: point for point in study.cells() if point.method in study.export}
    point: Cell = _entry(exported, "cells of exported methods", cell)
    place = _place(point)
    folder = _path(layout.CELL, study, **place)
    items = tables.read(_path(layout.ITEMS, study, **place), tables.ITEMS)
    metrics = tables.read(
        _path(layout.STUDY_TABLE, study, table="metrics"), tables.STUDY_SCHEMAS["metrics"]
    )
    kept = stage.read_kept(folder, vars(point), items, metrics)
    model = study.models[point.model]
    source = _model_folder(study, point.model)
    stage.export(kept, source, model, _path(layout.EXPORT, study, **place))


@command
def table(
    file: StudyFile, name: Annotated[str, typer.Argument(help="A table of the study.")]
) -> None:
    """Write one table as HTML, CSV, Markdown and LaTeX."""
    from annobench.registry import component
    from annobench.reporting.formats import WRITERS
    from annobench.reporting.study_tables import StudyTables

    _log_command()
    study = read_study(file)
    entry = _entry(study.tables, "tables", name)
    source = StudyTables(_path(layout.RESULTS, study))
    frame = component("reporting.tables", entry.kind).table(source, entry)
    for suffix in layout.TABLE_SUFFIXES:
        WRITERS[suffix](_path(layout.TABLE, study, table=name, suffix=suffix), frame)


@command
def figure(
    file: StudyFile, name: Annotated[str, typer.Argument(help="A figure of the study.")]
) -> None:
    """Draw one figure as PDF and PNG."""
    from annobench.registry import component
    from annobench.reporting import style
    from annobench.reporting.study_tables import StudyTables

    _log_command()
    study = read_study(file)
    entry = _entry(study.figures, "figures", name)
    source = StudyTables(_path(layout.RESULTS, study))
    with style.paper():
        drawing = component("reporting.figures", entry.kind).figure(source, entry)
        for suffix in layout.FIGURE_SUFFIXES:
            style.save(_path(layout.FIGURE, study, figure=name, suffix=suffix), drawing)


@command
def show(file: StudyFile) -> None:
    """Print the first table of a finished study and the path of its report."""
    from annobench.registry import component
    from annobench.reporting.formats import plain_text
    from annobench.reporting.study_tables import StudyTables

    study = read_study(file)
    if not study.tables:
        raise AnnobenchError(f"{file}: tables: found none; allowed: one or more")
    name, entry = next(iter(study.tables.items()))
    source = StudyTables(_path(layout.RESULTS, study))
    typer.echo(plain_text(component("reporting.tables", entry.kind).table(source, entry)))
    typer.echo(f"\n{name}: {_path(layout.TABLE, study, table=name, suffix='md')}")
    typer.echo(f"report: {_path(layout.REPORT, study)}")
