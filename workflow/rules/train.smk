"""One cell: from annotations to predictions."""


rule train:
    input:
        item_table=layout.ITEMS,
        model=model_manifest,
        tokens=layout.TOKENS,
        states=layout.STATES,
        looks_at=looks_at,
        annotations=lambda wildcards: [] if wildcards.noise == "_" else layout.ANNOTATIONS,
    output:
        layout.RECORD,
    log:
        "results/{study}/logs/train/{dataset}/{noise}/{model}/{method}/{seed}.log",
    retries: 1
    conda:
        "../../envs/annobench.yaml"
    threads: lambda wildcards: study.training_of(cell_of(wildcards)).threads
    resources:
        mem_mb=memory(2000),
        runtime=minutes(120),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.cell(study, cell_of(wildcards))),
        code=lambda wildcards: recipes.cell_code(study, cell_of(wildcards)),
    message:
        f"train {cell_name}"
    shell:
        f"annobench train {{params.study:q}} {cell_name} 2> {{log:q}}"
