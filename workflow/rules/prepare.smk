"""The study as it is run, the models' files, and the data sets' items."""


rule freeze:
    output:
        layout.STUDY,
    log:
        "results/{study}/logs/freeze.log",
    localrule: True
    params:
        config=lambda wildcards: recipes.text(recipes.whole(study)),
    shell:
        "annobench freeze {params.config:q} {output:q} 2> {log:q}"


rule fetch:
    input:
        study=ancient(layout.STUDY.format(study=study.study)),
    output:
        layout.MODEL,
    log:
        "assets/logs/{asset}.log",
    benchmark:
        "assets/benchmarks/{asset}.tsv"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        model=lambda wildcards: models_by_asset[wildcards.asset],
        recipe=lambda wildcards: recipes.text(
            recipes.model(study, models_by_asset[wildcards.asset])
        ),
        code=recipes.code("annobench.assets"),
    message:
        "fetch {params.model}"
    shell:
        "annobench fetch {input.study:q} {params.model} 2> {log:q}"


rule prepare:
    input:
        study=ancient(layout.STUDY),
    output:
        layout.ITEMS,
    log:
        "results/{study}/logs/prepare/{dataset}.log",
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        recipe=lambda wildcards: recipes.text(recipes.items(study, wildcards.dataset)),
        code=lambda wildcards: recipes.items_code(study, wildcards.dataset),
    message:
        "prepare {wildcards.dataset}"
    shell:
        "annobench prepare {input.study:q} {wildcards.dataset} 2> {log:q}"
