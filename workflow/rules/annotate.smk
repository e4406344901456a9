"""Annotations of the training items: one draw for each data set, noise and seed."""


rule annotate:
    input:
        item_table=layout.ITEMS,
        base=judge_view,
        files=lambda wildcards: study.noise[wildcards.noise].files,
    output:
        annotations=layout.ANNOTATIONS,
        truth=layout.TRUTH,
    log:
        "results/{study}/logs/annotate/{dataset}/{noise}/{seed}.log",
    # A mistake in a user's file is found before anything is trained.
    priority: 1
    conda:
        "../../envs/annobench.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(
            recipes.annotations(study, wildcards.dataset, wildcards.noise, int(wildcards.seed))
        ),
        code=lambda wildcards: recipes.annotations_code(study, wildcards.noise),
    message:
        "annotate {wildcards.dataset} with {wildcards.noise}, seed {wildcards.seed}"
    shell:
        "annobench annotate {params.study:q} {wildcards.dataset} {wildcards.noise} {wildcards.seed}"
        " 2> {log:q}"
