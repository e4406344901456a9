"""What does not depend on any label: once for each data set, or data set and model."""


rule view:
    input:
        item_table=layout.ITEMS,
        model=model_manifest,
    output:
        layout.VIEW,
    log:
        "results/{study}/logs/views/{dataset}/{model}/{view}.log",
    conda:
        "../../envs/annobench.yaml"
    threads: lambda wildcards: study.shared_training(wildcards.dataset, wildcards.model).threads
    resources:
        mem_mb=memory(3000),
        runtime=minutes(120),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(
            recipes.view(study, wildcards.dataset, wildcards.model, wildcards.view)
        ),
        code=recipes.code("annobench.stages.view"),
    message:
        "view {wildcards.view} of {wildcards.dataset} by {wildcards.model}"
    shell:
        "annobench view {params.study:q} {wildcards.dataset} {wildcards.model} {wildcards.view}"
        " 2> {log:q}"


rule embed:
    input:
        item_table=layout.ITEMS,
        encoder=encoder_manifest,
    output:
        layout.EMBEDDINGS,
    log:
        "results/{study}/logs/embed/{dataset}.log",
    conda:
        "../../envs/annobench.yaml"
    threads: study.training.threads
    resources:
        mem_mb=memory(2000),
        runtime=minutes(60),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.embeddings(study, wildcards.dataset)),
        code=recipes.code("annobench.stages.embed"),
    message:
        "embed {wildcards.dataset}"
    shell:
        "annobench embed {params.study:q} {wildcards.dataset} 2> {log:q}"
