"""Tables, figures and the report: one rule for each entry of the study's blocks."""

study_file = layout.STUDY.format(study=study.study)


def rendered(block, pattern, name, suffixes):
    """An entry's files, marked for the report under the caption of its kind."""
    caption = f"../report/{block}/{getattr(study, block)[name].kind}.rst"
    mark = lambda path, suffix: report(
        path, caption=caption, category=block.capitalize(), labels={"name": name, "as": suffix}
    )
    paths = {s: pattern.format(study=study.study, suffix=s, **{block[:-1]: name}) for s in suffixes}
    return [mark(path, suffix) for suffix, path in paths.items()]


for name, entry in study.tables.items():

    rule:
        name:
            f"table_{name.replace('-', '_')}"
        input:
            study=ancient(study_file),
            tables=[path.format(study=study.study) for path in study_tables],
        output:
            rendered("tables", layout.TABLE, name, layout.TABLE_SUFFIXES),
        log:
            f"results/{study.study}/logs/tables/{name}.log",
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            name=name,
            run=reference.summary(study),
            recipe=lambda wildcards, entry=entry: recipes.text(recipes.rendering(entry)),
            code=recipes.rendering_code("tables", entry),
        message:
            "table {params.name}"
        shell:
            "annobench table {input.study:q} {params.name} 2> {log:q}"


for name, entry in study.figures.items():

    rule:
        name:
            f"figure_{name.replace('-', '_')}"
        input:
            study=ancient(study_file),
            tables=[path.format(study=study.study) for path in study_tables],
        output:
            rendered("figures", layout.FIGURE, name, layout.FIGURE_SUFFIXES),
        log:
            f"results/{study.study}/logs/figures/{name}.log",
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            name=name,
            run=reference.summary(study),
            recipe=lambda wildcards, entry=entry: recipes.text(recipes.rendering(entry)),
            code=recipes.rendering_code("figures", entry),
        message:
            "figure {params.name}"
        shell:
            "annobench figure {input.study:q} {params.name} 2> {log:q}"


rule report:
    input:
        study=ancient(study_file),
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
        layout.REPORT.format(study=study.study),
    log:
        f"results/{study.study}/logs/report.log",
    localrule: True
    message:
        "report"
    shell:
        # The report is Snakemake's own, of what is finished by now.
        "snakemake --nolock --report {output:q} --configfile {input.study:q}"
        " -- {input.rendered:q} {input.tables:q} > {log:q} 2>&1"
