"""The models' files and the data sets' items."""


rule fetch:
    output:
        # Not removed before it is made anew: another study may be reading it.
        update(layout.MODEL),
    log:
        "assets/logs/{asset}.log",
    conda:
        "../../envs/annobench.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        study=study_file,
        source=lambda wildcards: sources[wildcards.asset],
        recipe=lambda wildcards: recipes.text(recipes.source(study, sources[wildcards.asset])),
        code=recipes.code("annobench.assets"),
    message:
        "fetch {params.source}"
    shell:
        "annobench fetch {params.study:q} {params.source:q} 2> {log:q}"


rule respond:
    input:
        models=lambda wildcards: makers_of(wildcards.dataset),
        files=lambda wildcards: study.datasets[wildcards.dataset].files,
    output:
        layout.RESPONSES,
    log:
        "results/{study}/logs/respond/{dataset}.log",
    conda:
        "../../envs/annobench.yaml"
    threads: lambda wildcards: study.making(wildcards.dataset).threads
    resources:
        mem_mb=memory(3000),
        runtime=minutes(120),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.responses(study, wildcards.dataset)),
        code=lambda wildcards: recipes.responses_code(study, wildcards.dataset),
    message:
        "respond to {wildcards.dataset}"
    shell:
        "annobench respond {params.study:q} {wildcards.dataset} 2> {log:q}"


rule prepare:
    input:
        files=lambda wildcards: study.datasets[wildcards.dataset].files,
        responses=lambda wildcards: (layout.RESPONSES if study.makers(wildcards.dataset) else []),
    output:
        layout.ITEMS,
    log:
        "results/{study}/logs/prepare/{dataset}.log",
    conda:
        "../../envs/annobench.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.items(study, wildcards.dataset)),
        code=lambda wildcards: recipes.items_code(study, wildcards.dataset),
    message:
        "prepare {wildcards.dataset}"
    shell:
        "annobench prepare {params.study:q} {wildcards.dataset} 2> {log:q}"
