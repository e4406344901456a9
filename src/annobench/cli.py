"""The command line: one command for each stage, as the workflow calls them.

Heavy packages are imported when a command runs, so that --help and validate stay quick.
"""

import logging
import shlex
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from annobench import clock, errors, layout, leases, locks, recipes, reference
from annobench.errors import AnnobenchError
from annobench.files import canonical_json, settle
from annobench.registry import unknown
from annobench.study import Cell, Study, read_study

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
        logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        logging.getLogger("annobench").setLevel(logging.INFO)
        with errors.plain():
            function(*args, **kwargs)

    return run


def job(function: Callable[..., None]) -> Callable[..., None]:
    """A command that the workflow runs: it notes itself in its log, and what it takes beside the
    study, if the workflow wrote that."""

    @wraps(function)
    def run(file: Path, *args: Any, **kwargs: Any) -> None:
        logging.getLogger("annobench").info("$ annobench %s", shlex.join(sys.argv[1:]))
        in_workflow = file.name == Path(layout.STUDY).name
        times = file.parent / layout.inside(layout.TIMES)
        with clock.noted(times, sys.argv[1:]) if in_workflow else nullcontext():
            function(file, *args, **kwargs)

    return command(run)


def _path(study: Study, pattern: str, **names: str) -> Path:
    return Path(pattern.format(study=study.study, **names))


def _write_sums(study: Study, pattern: str, suffixes: tuple[str, ...], **names: str) -> None:
    from annobench import sums

    made = [_path(study, pattern, suffix=suffix, **names) for suffix in suffixes]
    sums.write(_path(study, pattern, suffix=layout.SUMS, **names), made)


def _entry(entries: dict[str, Any], axis: str, name: str) -> Any:
    if name not in entries:
        raise AnnobenchError(unknown(f"{axis}:", name, list(entries)))
    return entries[name]


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


@job
def fetch(
    file: StudyFile,
    source: Annotated[str, typer.Argument(help="A source of the study: a model's or encoder's.")],
) -> None:
    """Fetch a model's files and check their checksums."""
    from annobench.assets import Source, fetch_alone

    sha256 = _entry(read_study(file).sources(), "sources", source)
    manifest = Path(layout.MODEL.format(asset=layout.asset(source)))
    fetch_alone(Source.parse(source), sha256, manifest)


@job
def respond(file: StudyFile, dataset: DatasetName) -> None:
    """Let models respond to a data set's prompts, or score its responses."""
    from annobench import tables
    from annobench.disk import Disk, folder_of
    from annobench.models.memory import said_plainly
    from annobench.stages import respond as stage

    study = read_study(file)
    entry = _entry(study.datasets, "datasets", dataset)
    folders = {model.source: folder_of(model.source) for model in study.makers(dataset)}
    if not folders:
        raise AnnobenchError(
            f"datasets.{dataset}: found no model that takes part; allowed: data sets whose models "
            "respond, or with a reward_model"
        )
    root = None if study.hub_root is None else Path(study.hub_root)
    with said_plainly(), leases.gpu(study.jobs_per_gpu):
        found = stage.respond(dataset, entry.kind, entry, root, folders, study.making(dataset))
    tables.write(Disk(study).path(layout.RESPONSES, dataset=dataset), found, tables.RESPONSES)


@job
def prepare(file: StudyFile, dataset: DatasetName) -> None:
    """Build a data set's items."""
    from annobench import tables
    from annobench.disk import Disk
    from annobench.stages.prepare import prepare as stage

    study = read_study(file)
    entry = _entry(study.datasets, "datasets", dataset)
    root = None if study.hub_root is None else Path(study.hub_root)
    disk = Disk(study)
    responses = None
    if study.makers(dataset):
        responses = tables.read(disk.path(layout.RESPONSES, dataset=dataset), tables.RESPONSES)
    items = stage(dataset, entry.kind, entry, root, responses)
    tables.write(disk.path(layout.ITEMS, dataset=dataset), items, tables.ITEMS)


@job
def annotate(file: StudyFile, dataset: DatasetName, noise: NoiseName, seed: int) -> None:
    """Draw the annotations of a data set's training items."""
    from annobench import tables
    from annobench.disk import Disk
    from annobench.stages.annotate import annotate as stage

    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    entry = _entry(study.noise, "noise", noise)
    if seed not in study.seeds:
        raise AnnobenchError(f"seeds: found {seed}; allowed: {', '.join(map(str, study.seeds))}")
    disk = Disk(study)
    judge = study.judge(noise)
    base = None if judge is None else disk.view(dataset, judge, "base")
    items = disk.items(dataset)
    annotations, truth = stage(items, base, dataset, noise, entry.kind, entry, seed)
    path, truth_path = disk.draw_paths(dataset, noise, seed)
    tables.write(truth_path, truth, tables.TRUTH)
    tables.write(path, annotations, tables.ANNOTATIONS)


@job
def encode(file: StudyFile, dataset: DatasetName, model: ModelName) -> None:
    """Tokenize a data set for a model and run the model's frozen layers once."""
    from annobench.disk import Disk
    from annobench.models.memory import said_plainly
    from annobench.stages import encode as stage

    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    entry = _entry(study.models, "models", model)
    disk = Disk(study)
    training = study.shared_training(dataset, model)
    with said_plainly(), leases.gpu(study.jobs_per_gpu):
        found = stage.encode(disk.items(dataset), disk.model_folder(model), entry, training)
    stage.write_features(*disk.feature_paths(dataset, model), *found)


@job
def view(
    file: StudyFile,
    dataset: DatasetName,
    model: ModelName,
    name: Annotated[str, typer.Argument(help="base, reasoning; or either with -generated.")],
) -> None:
    """Ask an untrained model all items of a data set."""
    from annobench import tables
    from annobench.disk import Disk
    from annobench.methods import VIEWS
    from annobench.models.memory import said_plainly
    from annobench.stages.view import view as stage

    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    _entry(study.models, "models", model)
    _entry(dict.fromkeys(VIEWS), "views", name)
    disk = Disk(study)
    asker = disk.asker(dataset, model)
    with said_plainly(), leases.gpu(study.jobs_per_gpu):
        found = stage(name, asker, disk.items(dataset), study.views.reflections)
    tables.write(disk.view_path(dataset, model, name), found, tables.VIEW)


@job
def embed(file: StudyFile, dataset: DatasetName) -> None:
    """Embed the prompts of a data set with the study's sentence encoder."""
    from annobench import tables
    from annobench.disk import Disk, folder_of
    from annobench.stages.embed import embeddings

    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    disk = Disk(study)
    encoder = folder_of(study.views.encoder.source)
    with leases.gpu(study.jobs_per_gpu):
        found = embeddings(disk.items(dataset), encoder, study.training.threads)
    tables.write(disk.path(layout.EMBEDDINGS, dataset=dataset), found, tables.EMBEDDINGS)


@job
def train(
    file: StudyFile,
    cell: CellName,
    checkpoint_seconds: Annotated[
        float, typer.Option(help="Seconds between checkpoints; 0 saves after every step.")
    ] = 60.0,
) -> None:
    """Train one cell and predict all items; continue from its checkpoint if there is one."""
    from annobench.disk import Disk, place
    from annobench.stages.record import record
    from annobench.training.loop import Checkpointing

    study = read_study(file)
    cells = {point.path: point for point in study.cells()}
    point: Cell = _entry(cells, "cells", cell)
    counter = f"cell {list(cells).index(cell) + 1} of {len(cells)}: {cell}"
    logging.getLogger("annobench").info(counter)
    disk = Disk(study)
    recipe = recipes.cell(study, point)
    saving = Checkpointing(
        disk.path(layout.CHECKPOINT, **place(point)),
        checkpoint_seconds,
        canonical_json([recipe, recipes.cell_code(study, point)]),
    )
    with leases.gpu(study.jobs_per_gpu):
        run = record(disk.job(point), saving, recipe, disk.cell_folder(point))
    reason = f" ({run['reason']})" if run["reason"] else ""
    typer.echo(f"{counter}: {run['status']}{reason}, {run['total_seconds']:.1f} s")


@job
def gather(file: StudyFile, dataset: DatasetName, model: ModelName) -> None:
    """Note that all cells of a data set and model are finished, and with what."""
    from annobench.disk import Disk
    from annobench.files import write_json
    from annobench.stages.evaluate import fingerprint

    study = read_study(file)
    _entry(study.datasets, "datasets", dataset)
    _entry(study.models, "models", model)
    disk = Disk(study)
    place = (dataset, model)
    folders = [folder for folder, cell in disk.cells() if (cell.dataset, cell.model) == place]
    write_json(disk.path(layout.FINISHED, dataset=dataset, model=model), fingerprint(folders))


@job
def evaluate(
    file: StudyFile,
    processes: Annotated[
        int, typer.Option(help="How many measure beside each other, a data set and model each.")
    ] = 1,
) -> None:
    """Measure every cell, average over seeds and compare methods."""
    from annobench import tables
    from annobench.disk import Disk
    from annobench.evaluation.given import given
    from annobench.evaluation.study import combine
    from annobench.stages.evaluate import measure_all

    study = read_study(file)
    disk = Disk(study)
    known = given(
        {name: disk.items(name) for name in {point.dataset for point in study.cells()}},
        (disk.crowd(**draw) for draw in study.draws()),
        {view: disk.view(*view) for view in study.shown_views()},
    )
    frames = combine(known, measure_all(disk.cells(), known, processes))
    for name in layout.STUDY_TABLES:
        path = disk.path(layout.STUDY_TABLE, table=name)
        tables.write(path, getattr(frames, name), tables.STUDY_SCHEMAS[name])


@job
def export(file: StudyFile, cell: CellName) -> None:
    """Write a cell's trained model as a folder that transformers or PEFT loads, with its card."""
    from annobench.disk import Disk, place
    from annobench.stages import export as stage

    study = read_study(file)
    exported = {point.path: point for point in study.cells() if point.method in study.export}
    point: Cell = _entry(exported, "cells of exported methods", cell)
    disk = Disk(study)
    items, metrics = disk.items(point.dataset), disk.table("metrics")
    kept = stage.read_kept(disk.cell_folder(point), vars(point), items, metrics)
    out = disk.path(layout.EXPORT, **place(point))
    stage.export(kept, disk.model_folder(point.model), study.models[point.model], out)


@job
def table(
    file: StudyFile, name: Annotated[str, typer.Argument(help="A table of the study.")]
) -> None:
    """Write one table as HTML, CSV, Markdown and LaTeX."""
    from annobench.registry import component
    from annobench.reporting.formats import WRITERS
    from annobench.reporting.study_tables import StudyTables

    study = read_study(file)
    entry = _entry(study.tables, "tables", name)
    source = StudyTables(_path(study, layout.RESULTS))
    frame = component("reporting.tables", entry.kind).table(source, entry)
    for suffix in layout.TABLE_SUFFIXES:
        WRITERS[suffix](_path(study, layout.TABLE, table=name, suffix=suffix), frame)
    _write_sums(study, layout.TABLE, layout.TABLE_SUFFIXES, table=name)


@job
def figure(
    file: StudyFile, name: Annotated[str, typer.Argument(help="A figure of the study.")]
) -> None:
    """Draw one figure as PDF and PNG."""
    from annobench.registry import component
    from annobench.reporting import style
    from annobench.reporting.study_tables import StudyTables

    study = read_study(file)
    entry = _entry(study.figures, "figures", name)
    source = StudyTables(_path(study, layout.RESULTS))
    with style.paper():
        drawing = component("reporting.figures", entry.kind).figure(source, entry)
        for suffix in layout.FIGURE_SUFFIXES:
            style.save(_path(study, layout.FIGURE, figure=name, suffix=suffix), drawing)
            drawing.set_layout_engine("none")  # all have the places that were found for the first
    _write_sums(study, layout.FIGURE, layout.FIGURE_SUFFIXES, figure=name)


@command
def seal(
    files: Annotated[list[Path], typer.Argument(help="Files of one folder.")],
    out: Annotated[Path, typer.Option(help="What `sha256sum --check` reads.")],
) -> None:
    """Write files' checksums into a file beside them."""
    from annobench import sums

    sums.write(out, files)


@command
def check(
    file: StudyFile,
    remove: Annotated[bool, typer.Option("--remove", help="Remove what is damaged.")] = False,
) -> None:
    """Hold every file of a study, and of its models, against its checksum."""
    from annobench import check as held

    study = read_study(file)
    if remove:
        locks.hold(_path(study, layout.LOCK))
    found = held.faults(study)
    if remove:
        for folder in (_path(study, layout.RESULTS), Path("assets")):
            settle(folder)
    for fault in found:
        done = ""
        if remove and fault.remade:
            held.remove(fault.remade)
            done = "; removed" if fault.remade == fault.path else f"; removed {fault.remade}"
        typer.echo(f"{fault.path}: found {fault.found}{done}")
    if not found:
        typer.echo("no file is damaged")
        return
    if remove and any(fault.remade for fault in found):
        run = f"snakemake --cores all --configfile {shlex.quote(str(file))}"
        again = [f"{run} -- {shlex.join(step)}" for step in held.steps(found)]
        typer.echo("to make these again, and then what depends on them only if they have changed:")
        typer.echo(" && ".join([*again, run]))
    raise typer.Exit(1)


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
    source = StudyTables(_path(study, layout.RESULTS))
    typer.echo(plain_text(component("reporting.tables", entry.kind).table(source, entry)))
    typer.echo(f"\n{name}: {_path(study, layout.TABLE, table=name, suffix='md')}")
    typer.echo(f"report: {_path(study, layout.REPORT)}")


@command
def time(file: StudyFile) -> None:
    """Say where the time of a study went, and that of its last run."""
    from annobench.reporting import times
    from annobench.reporting.formats import plain_text

    lines = times.read(_path(read_study(file), layout.TIMES))
    if done := times.summary(lines, clock.begun):
        typer.echo(f"{plain_text(times.table(times.commands(lines)))}\n\nlast run: {done}")


@command
def users(
    file: Annotated[Path, typer.Argument(metavar="COMPARISONS", help="user,first,second,chosen.")],
    responses: Annotated[
        Path | None, typer.Option(help="response,prompt,model,text,score of first and second.")
    ] = None,
    stronger: Annotated[
        str | None, typer.Option(help="The stronger model; by default the one chosen more often.")
    ] = None,
    estimator: Annotated[str, typer.Option(help="A kind of estimator.")] = "three-types",
    mu: Annotated[
        str | None,
        typer.Option(
            help="How often an attentive user chooses the stronger model: a number above 1/2, "
            "joint (found with the rest), or scores (from the gap of each comparison)."
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="The attentiveness from which a user is kept.")
    ] = None,
    at_least: Annotated[
        int | None, typer.Option(min=2, help="Leave out users with fewer comparisons.")
    ] = None,
    unordered: Annotated[
        bool, typer.Option("--unordered", help="The order of display is not known.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="A CSV file; by default printed.")] = None,
) -> None:
    """Say which users looked before they chose, from their comparisons of two models' responses."""
    from annobench import comparisons, user_table
    from annobench.files import csv_text, write_text

    found = comparisons.read(file, responses, stronger, ordered=not unordered, at_least=at_least)
    estimate = user_table.estimated(found, estimator, mu=mu, threshold=threshold)
    text = csv_text(user_table.table(found, estimate), float_format="%.4f")
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
    typer.echo(user_table.summary(found, estimate), err=True)
