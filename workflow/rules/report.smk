"""Tables, figures and the report: one rule for each entry of the study's blocks."""

for name, entry in study.tables.items():

    rule:
        name:
            f"table_{name.replace('-', '_')}"
        input:
            tables=[path.format(study=study.study) for path in study_tables],
            published=getattr(entry, "path", None) or [],
        output:
            rendered("tables", layout.TABLE, name, layout.TABLE_SUFFIXES),
        log:
            f"results/{study.study}/logs/tables/{name}.log",
        conda:
            "../../envs/annobench.yaml"
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            study=study_file,
            name=lambda wildcards, name=name: name,
            run=reference.summary(study),
            recipe=lambda wildcards, entry=entry: recipes.text(recipes.rendering(entry)),
            code=recipes.rendering_code("tables", entry),
        message:
            "table {params.name}"
        shell:
            "annobench table {params.study:q} {params.name} 2> {log:q}"


for name, entry in study.figures.items():

    rule:
        name:
            f"figure_{name.replace('-', '_')}"
        input:
            tables=[path.format(study=study.study) for path in study_tables],
        output:
            rendered("figures", layout.FIGURE, name, layout.FIGURE_SUFFIXES),
        log:
            f"results/{study.study}/logs/figures/{name}.log",
        conda:
            "../../envs/annobench.yaml"
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            study=study_file,
            name=lambda wildcards, name=name: name,
            run=reference.summary(study),
            recipe=lambda wildcards, entry=entry: recipes.text(recipes.rendering(entry)),
            code=recipes.rendering_code("figures", entry),
        message:
            "figure {params.name}"
        shell:
            "annobench figure {params.study:q} {params.name} 2> {log:q}"


rule report:
    input:
        rendered=[
            *[
                layout.TABLE.format(study=study.study, table=name, suffix=suffix)
                for name in study.tables
                for suffix in layout.TABLE_SUFFIXES
            ],
            *[
                layout.FIGURE.format(study=study.study, figure=name, suffix=suffix)
                for name in study.figures
                for suffix in layout.FIGURE_SUFFIXES
            ],
        ],
        tables=[path.format(study=study.study) for path in study_tables],
    output:
        page=layout.REPORT.format(study=study.study),
        sums=layout.REPORT_SUMS.format(study=study.study),
    log:
        f"results/{study.study}/logs/report.log",
    localrule: True
    conda:
        "../../envs/annobench.yaml"
    params:
        study=study_file,
        recipe=lambda wildcards: recipes.text(recipes.report(study)),
    message:
        "report"
    shell:
        # The report is Snakemake's own, of what is finished by now.
        "snakemake --nolock --report {output.page:q} --configfile {params.study:q}"
        " -- {input.rendered:q} {input.tables:q} > {log:q} 2>&1"
        " && annobench seal {output.page:q} --out {output.sums:q}"
