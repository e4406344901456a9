"""A study of own files: mistakes come first, then the model, and edits make it stale."""

import pandas as pd
import yaml

STUDY = """\
study: tiny
seeds: [0]
datasets:
  mine: {kind: file, path: items.csv}
models:
  llama: {source: "path:model", tune: {kind: top-layers, layers: 1}}
noise:
  observed: {path: labels.csv}
methods:
  realm: {}
  majority: {}
export: [realm]
training: {epochs: 1, items_per_batch: 8, precision: fp32}
tables:
  annotators: {methods: [realm]}
  results: {}
"""
CELL = "mine/observed/llama/realm/0"


def write_files(workspace, last):
    items = [f'{n:03d},"Red, or {n}?",red,blue' for n in range(20)]
    labels = [f"{n:03d},{who},{'red' if n % 3 else 'blue'}" for n in range(20) for who in (1, 2)]
    for name, rows in (
        ("items.csv", ["item,prompt,option_1,option_2", *items]),
        ("labels.csv", ["item,annotator,label", *labels, last]),
    ):
        workspace.path(name).write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_a_study_of_own_files_without_gold(new_study):
    new_study.path("config.yaml").write_text(STUDY, encoding="utf-8")
    write_files(new_study, "003,1,green")
    done = new_study.run("snakemake", "--cores", "2")
    assert done.returncode != 0
    assert "labels.csv: found 1 bad of 41 rows; allowed: none" in done.stdout + done.stderr
    assert "line 42: unknown option 'green' of item '003'" in done.stdout + done.stderr
    assert not new_study.path("results/tiny/cells").exists()

    write_files(new_study, "003,3,blue")
    new_study.finish()
    assert new_study.planned() == []
    table = pd.read_csv(new_study.path("results/tiny/tables/annotators.csv"), dtype=str)
    assert set(table["annotator"]) <= {"1", "2", "3"}
    folder = new_study.path(f"results/tiny/models/{CELL}")
    predictions = pd.read_csv(folder / "predictions.csv", dtype={"item": str})
    assert predictions["item"].tolist() == [f"{n:03d}" for n in range(20)]
    assert predictions["gold"].isna().all()
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---")[1])["tags"] == ["annobench", "realm"]

    write_files(new_study, "003,3,red")
    planned = new_study.planned()
    assert "annotate mine observed 0" in planned
    assert f"train {CELL}" in planned
    assert f"export {CELL}" in planned
    assert not [job for job in planned if job.startswith(("prepare", "encode"))]
