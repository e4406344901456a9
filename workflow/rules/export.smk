"""The trained models of the methods that the study exports, as folders that transformers loads."""


rule export:
    input:
        item_table=layout.ITEMS,
        model=model_manifest,
        cell=[f"{layout.CELL}/{name}" for name in layout.CELL_FILES],
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
        cell=lambda wildcards: cell_of(wildcards).path,
    message:
        "export {params.cell}"
    shell:
        "annobench export {params.study:q} {params.cell} 2> {log:q}"
