"""From a study file to its report. Run `snakemake --cores all`; the study is config.yaml, or the
file given by --configfile."""

import gc
import os
import sys
from pathlib import Path

from psutil import Process
from snakemake.utils import min_version

from annobench import clock, errors, layout, leftovers, locks, recipes, reference, warm
from annobench.files import read_yaml, settle, write_json
from annobench.methods import VIEWS
from annobench.study import parse_study

min_version("9.27")

# A plan is millions of objects, none of which is garbage: looking for some takes a sixth of the time.
gc.disable()

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


# Cells that a cluster runs as one job share a warm process, as jobs of this machine do, see below.
if workflow.remote_exec and "--local-groupid" in sys.argv:
    os.environ[warm.WORKFLOW] = str(os.getpid())


onstart:
    gc.freeze()
    gc.enable()
    # What the jobs read: the study with all overrides. No rule makes it, and no rule has it as an
    # input: Snakemake does not look for what else is stale below a job that has to run.
    with errors.plain():
        locks.hold(Path(layout.LOCK.format(study=study.study)))
        if workflow.executor_plugin.name == "slurm":
            leftovers.cancel(study.study)
        for folder in (layout.RESULTS.format(study=study.study), "assets"):
            settle(Path(folder))
        write_json(Path(study_file), recipes.whole(study))
    # Jobs on this machine share a warm process, see annobench.warm. So no rule has `benchmark:`, which
    # would measure who waits for the job: what each command takes stands in logs/times.jsonl.
    if workflow.local_exec:
        os.environ[warm.WORKFLOW] = str(os.getpid())
    # On a cluster, cores would be those of the machine that submits.
    cores = workflow.resource_settings.cores if workflow.local_exec else None
    run = {"workflow": os.getpid(), "cores": cores, "begun": Process().create_time()}
    clock.add(Path(layout.TIMES.format(study=study.study)), run)


onsuccess:
    shell("annobench time {study_file:q}")


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
