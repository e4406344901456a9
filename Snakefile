"""From a study file to its report. Run `snakemake --cores all`; the study is config.yaml, or the
file given by --configfile."""

from snakemake.utils import min_version

from annobench import layout, recipes, reference
from annobench.study import parse_study

min_version("9.27")

if "study" not in config:

    configfile: "config.yaml"


study = parse_study(dict(config), ", ".join(map(str, workflow.configfiles)))


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/annotate.smk"
include: "workflow/rules/encode.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    localrule: True
    input:
        layout.REPORT.format(study=study.study),


rule cells:
    localrule: True
    input:
        cell_records(),
