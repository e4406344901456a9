"""What several rules need: names, paths and resources."""

cells = {cell.path: cell for cell in study.cells()}
models_by_asset = {layout.asset(model.source): name for name, model in study.models.items()}
study_tables = [layout.STUDY_TABLE.replace("{table}", name) for name in layout.STUDY_TABLES]


wildcard_constraints:
    study=study.study,
    dataset="|".join(study.datasets),
    noise="|".join(["_", *study.noise]),
    model="|".join(study.models),
    method="|".join(study.methods),
    seed="|".join(["_", *map(str, study.seeds)]),
    asset="|".join(models_by_asset),


def cell_of(wildcards):
    """The cell that a path stands for."""
    axes = ("dataset", "noise", "model", "method", "seed")
    return cells["/".join(getattr(wildcards, axis) for axis in axes)]


def cell_records():
    """The run record of every cell."""
    return [f"results/{study.study}/cells/{path}/run.json" for path in cells]


def item_tables():
    """The items of every data set that has cells."""
    datasets = dict.fromkeys(cell.dataset for cell in cells.values())
    return [layout.ITEMS.format(study=study.study, dataset=dataset) for dataset in datasets]


def model_manifest(wildcards):
    """The fetched model that a rule reads."""
    return layout.MODEL.format(asset=layout.asset(study.models[wildcards.model].source))


def memory(base):
    """Memory in MB: a base and what is read; more at each attempt."""
    return lambda wildcards, input, attempt: attempt * (base + 2 * int(input.size_mb))


def minutes(base):
    """Runtime in minutes; more at each attempt."""
    return lambda wildcards, attempt: attempt * base
