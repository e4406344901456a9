"""The files of all cells to the tables of the study."""


rule gather:
    # Evaluation has no cell as an input: Snakemake takes the checksum of every input for each of a
    # job's outputs, of which evaluation has twelve; and to begin a job takes it time in proportion to
    # the square of the inputs. Temporary, as Snakemake would make no cell that is gone while this is there.
    input:
        lambda wildcards: cell_records(
            lambda cell: (cell.dataset, cell.model) == (wildcards.dataset, wildcards.model)
        ),
    output:
        temp(layout.FINISHED),
    log:
        "results/{study}/logs/gather/{dataset}/{model}.log",
    localrule: True
    conda:
        "../../envs/annobench.yaml"
    params:
        study=study_file,
    message:
        "gather {wildcards.dataset} {wildcards.model}"
    shell:
        "annobench gather {params.study:q} {wildcards.dataset} {wildcards.model} 2> {log:q}"


rule evaluate:
    input:
        item_table=item_tables(),
        annotations=[layout.ANNOTATIONS.format(study=study.study, **draw) for draw in study.draws()],
        views=[
            layout.VIEW.format(study=study.study, dataset=dataset, model=model, view=name)
            for dataset, model, name in study.shown_views()
        ],
        cells=finished_cells(),
    output:
        study_tables,
    log:
        "results/{study}/logs/evaluate.log",
    conda:
        "../../envs/annobench.yaml"
    threads: 2
    resources:
        mem_mb=memory(3000 + len(cells) // 5),
        runtime=minutes(30 + len(cells) // 100),
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.evaluation(study)),
        code=recipes.evaluation_code(),
    message:
        "evaluate"
    shell:
        # After a failure a cell may be removed, and is then to be made again.
        "annobench evaluate {params.study:q} --processes {threads} 2> {log:q}"
        " || {{ rm -f {input.cells:q}; exit 1; }}"
