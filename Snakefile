"""From a study file to its report. Run `snakemake --cores all`; the study is config.yaml, or the
file given by --configfile."""

from pathlib import Path

from snakemake.utils import min_version

from annobench import errors, layout, leftovers, recipes, reference
from annobench.files import read_yaml, write_json
from annobench.methods import VIEWS
from annobench.study import parse_study

min_version("9.27")

with errors.plain():
    # Snakemake takes the last of two equal keys, and does not say where a file is broken.
    for path in workflow.configfiles or ["config.yaml"]:
        read_yaml(Path(path))

if not workflow.configfiles:

    configfile: "config.yaml"


with errors.plain():
    study = parse_study(dict(config), ", ".join(map(str, workflow.configfiles)))


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/annotate.smk"
include: "workflow/rules/encode.smk"
include: "workflow/rules/view.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/export.smk"


onstart:
    # What the jobs read: the study with all overrides. No rule makes it, and no rule has it as an
    # input: Snakemake does not look for what else is stale below a job that has to run.
    with errors.plain():
        write_json(Path(study_file), recipes.whole(study))
        if workflow.executor_plugin.name == "slurm":
            leftovers.cancel(study.study)


rule all:
    default_target: True
    input:
        layout.REPORT.format(study=study.study),
        exported_models(),
    localrule: True


rule cells:
    input:
        cell_records(),
    localrule: True
