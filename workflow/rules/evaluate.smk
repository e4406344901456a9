"""The files of all cells to the tables of the study."""


rule evaluate:
    input:
        item_table=item_tables(),
        annotations=[layout.ANNOTATIONS.format(study=study.study, **draw) for draw in study.draws()],
        views=[
            layout.VIEW.format(study=study.study, dataset=dataset, model=model, view=name)
            for dataset, model, name in study.shown_views()
        ],
        cells=cell_records(),
    output:
        study_tables,
    log:
        "results/{study}/logs/evaluate.log",
    conda:
        "../../envs/annobench.yaml"
    threads: 2
    resources:
        mem_mb=memory(3000),
        runtime=minutes(30),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.evaluation(study)),
        code=recipes.evaluation_code(),
    message:
        "evaluate"
    shell:
        "annobench evaluate {params.study:q} --processes {threads} 2> {log:q}"
