"""Tokens and frozen states: once for each data set and model, whatever the noise."""


rule encode:
    input:
        item_table=layout.ITEMS,
        model=model_manifest,
    output:
        tokens=layout.TOKENS,
        states=layout.STATES,
    log:
        "results/{study}/logs/encode/{dataset}/{model}.log",
    conda:
        "../../envs/annobench.yaml"
    threads: lambda wildcards: study.shared_training(wildcards.dataset, wildcards.model).threads
    resources:
        mem_mb=memory(3000),
        runtime=minutes(60),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(
            recipes.features(study, wildcards.dataset, wildcards.model)
        ),
        code=recipes.code("annobench.stages.encode"),
    message:
        "encode {wildcards.dataset} for {wildcards.model}"
    shell:
        "annobench encode {params.study:q} {wildcards.dataset} {wildcards.model} 2> {log:q}"
