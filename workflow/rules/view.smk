"""What a model says of the items before any training: once for each data set and model."""


rule view:
    input:
        item_table=layout.ITEMS,
        model=model_manifest,
        tokens=layout.TOKENS,
        states=layout.STATES,
    output:
        layout.VIEW,
    log:
        "results/{study}/logs/views/{dataset}/{model}/{view}.log",
    conda:
        "../../envs/annobench.yaml"
    threads: lambda wildcards: study.shared_training(wildcards.dataset, wildcards.model).threads
    resources:
        mem_mb=memory(2000),
        runtime=minutes(60),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(
            recipes.features(study, wildcards.dataset, wildcards.model)
        ),
        code=recipes.code("annobench.stages.view"),
    message:
        "view of {wildcards.dataset} by {wildcards.model}"
    shell:
        "annobench view {params.study:q} {wildcards.dataset} {wildcards.model} 2> {log:q}"
