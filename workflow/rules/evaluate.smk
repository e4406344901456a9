"""The files of all cells to the tables of the study."""


rule evaluate:
    input:
        study=ancient(layout.STUDY),
        item_table=item_tables(),
        cells=cell_records(),
    output:
        study_tables,
    log:
        "results/{study}/logs/evaluate.log",
    benchmark:
        "results/{study}/benchmarks/evaluate.tsv"
    resources:
        mem_mb=memory(3000),
        runtime=minutes(30),
    params:
        recipe=lambda wildcards: recipes.text(recipes.evaluation(study)),
        code=recipes.evaluation_code(),
    message:
        "evaluate"
    shell:
        "annobench evaluate {input.study:q} 2> {log:q}"
