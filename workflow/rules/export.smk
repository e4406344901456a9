"""The trained models of the methods that the study exports, as folders that transformers loads."""


rule export:
    input:
        item_table=layout.ITEMS,
        model=model_manifest,
        cell=layout.RECORD,
        # The card says what was measured; other cells' measures make it no older.
        metrics=ancient(layout.STUDY_TABLE.replace("{table}", "metrics")),
    output:
        directory(layout.EXPORT),
    log:
        "results/{study}/logs/export/{dataset}/{noise}/{model}/{method}/{seed}.log",
    conda:
        "../../envs/annobench.yaml"
    resources:
        mem_mb=memory(3000),
        runtime=minutes(30),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.cell(study, cell_of(wildcards))),
        code=recipes.code("annobench.stages.export"),
    message:
        f"export {cell_name}"
    shell:
        f"annobench export {{params.study:q}} {cell_name} 2> {{log:q}}"
