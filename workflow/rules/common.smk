"""What several rules need: names, paths and resources."""

import os

study_file = layout.STUDY.format(study=study.study)
cells = {cell.path: cell for cell in study.cells()}
sources = {layout.asset(source): source for source in study.sources()}
cell_name = layout.CELL.partition("cells/")[2].replace("{", "{wildcards.")
study_tables = [layout.STUDY_TABLE.replace("{table}", name) for name in layout.STUDY_TABLES]


wildcard_constraints:
    study=study.study,
    dataset="|".join(study.datasets),
    noise="|".join(["_", *study.noise]),
    model="|".join(study.models),
    method="|".join(study.methods),
    seed="|".join(["_", *map(str, study.seeds)]),
    asset="|".join(sources),
    view="|".join(VIEWS),


def cell_of(wildcards):
    """The cell that a path stands for."""
    return cells["/".join(getattr(wildcards, axis) for axis in layout.AXES)]


def cell_records(wanted=lambda cell: True):
    """The run record of every cell, or of those that are wanted."""
    found = [path for path, cell in cells.items() if wanted(cell)]
    return [f"results/{study.study}/cells/{path}/run.json" for path in found]


def finished_cells():
    """A file for the cells of each data set and model."""
    places = dict.fromkeys((cell.dataset, cell.model) for cell in cells.values())
    return [
        layout.FINISHED.format(study=study.study, dataset=dataset, model=model)
        for dataset, model in places
    ]


def exported_models():
    """The folder of every cell whose model is kept."""
    kept = [path for path, cell in cells.items() if cell.method in study.export]
    return [f"results/{study.study}/models/{path}" for path in kept]


def item_tables():
    """The items of every data set that has cells."""
    datasets = dict.fromkeys(cell.dataset for cell in cells.values())
    return [layout.ITEMS.format(study=study.study, dataset=dataset) for dataset in datasets]


def model_manifest(wildcards):
    """The fetched model that a rule reads."""
    return layout.MODEL.format(asset=layout.asset(study.models[wildcards.model].source))


def makers_of(dataset):
    """The fetched models that take part in making a data set."""
    found = {model.source for model in study.makers(dataset)}
    return [layout.MODEL.format(asset=layout.asset(source)) for source in sorted(found)]


def encoder_manifest(wildcards):
    """The fetched sentence encoder."""
    return layout.MODEL.format(asset=layout.asset(study.views.encoder.source))


def looks_at(wildcards):
    """What a cell's method reads beside the labels: views, and embeddings."""
    cell = cell_of(wildcards)
    views = [layout.VIEW.replace("{view}", name) for name in study.views_of(cell)]
    return views + [layout.EMBEDDINGS] * study.embeds(cell)


def judge_view(wildcards):
    """What a noise's judge says of the items, if the noise has a judge."""
    judge = study.judge(wildcards.noise)
    return (
        [] if judge is None else [layout.VIEW.replace("{model}", judge).replace("{view}", "base")]
    )


def megabytes(paths):
    """What there is to read. Snakemake's own input.size_mb costs a millisecond a job."""
    return sum(os.path.getsize(path) for path in paths if os.path.exists(path)) // 10**6


def memory(base):
    """Memory in MB: a base and twice what is read; as much again at each further attempt."""
    return lambda wildcards, input, attempt: attempt * (base + 2 * megabytes(input))


def minutes(base):
    """Runtime in minutes: a base and one for every 10 MB read; likewise."""
    return lambda wildcards, input, attempt: attempt * (base + megabytes(input) // 10)


def rendered(block, pattern, name, suffixes):
    """An entry's files, marked for the report under the caption of its kind."""
    caption = f"../report/{block}/{getattr(study, block)[name].kind}.rst"
    path = lambda suffix: pattern.format(study=study.study, suffix=suffix, **{block[:-1]: name})
    mark = lambda suffix: report(
        path(suffix),
        caption=caption,
        category=block.capitalize(),
        labels={"name": name, "as": suffix},
    )
    return [*map(mark, suffixes), path(layout.SUMS)]
