"""A study of distributions: what models write is measured, and goes stale with its settings."""

import json

import pandas as pd

STUDY = """\
study: tiny
seeds: [0]
datasets:
  vader: {train: 12, test: 12}
models:
  llama: {source: "path:model", tune: {kind: top-layers, layers: 1}}
noise:
  bad: {kind: ambiguity, ladder: half-good, labels_per_item: 5}
methods:
  majority: {}
  verbal-sft: {}
  shala: {group: 2, format_steps: 1}
  shala-realm: {group: 2, format_steps: 1}
views:
  verbal: {form: list, tokens: 4}
training: {epochs: 1, items_per_batch: 8, precision: fp32}
tables:
  distributions: {}
  rollouts: {}
figures:
  reward-curves: {}
  distribution-examples: {reading: verbal}
  ambiguity-and-expertise: {}
"""


def test_what_models_write_is_measured_and_goes_stale(new_study):
    new_study.path("config.yaml").write_text(STUDY, encoding="utf-8")
    new_study.finish()
    assert new_study.planned() == []
    results = new_study.path("results/tiny")
    metrics = pd.read_parquet(results / "metrics.parquet")
    for measure in ("jsd-distance", "verbal-jsd-distance", "jsd-distance:high-entropy", "unparsed"):
        found = metrics[metrics["metric"] == measure]
        assert found["method"].nunique() == 4, measure
        assert found["value"].between(0, 1).all(), measure
    shown = pd.read_parquet(results / "distributions.parquet")
    assert len(shown) == 4 * 12
    assert shown["text"].notna().all()
    runs = pd.read_parquet(results / "runs.parquet").set_index("method")
    assert (runs["status"] == "ok").all()
    costs = pd.read_parquet(results / "costs.parquet").set_index("method")
    assert costs["rollouts_per_second"].notna().to_dict() == {
        "majority": False,
        "verbal-sft": False,
        "shala": True,
        "shala-realm": True,
    }
    cell = results / "cells/vader/bad/llama/shala/0"
    record = json.loads((cell / "run.json").read_text(encoding="utf-8"))
    assert 0 < record["rollout_share"] < 1
    assert (results / "figures/reward-curves.pdf").exists()

    new_study.edit("config.yaml", "tokens: 4", "tokens: 5")
    planned = [job.split()[0] for job in new_study.planned()]
    assert planned.count("train") == 4
    assert "encode" not in planned
    new_study.edit("config.yaml", "tokens: 5", "tokens: 4")
    new_study.edit("config.yaml", "shala: {group: 2", "shala: {group: 3")
    cells = [job for job in new_study.planned() if job.startswith("train")]
    assert len(cells) == 1
    assert "/shala/" in cells[0]


def test_a_method_that_writes_needs_to_know_how(new_study):
    text = STUDY.replace("views:\n  verbal: {form: list, tokens: 4}\n", "")
    new_study.path("config.yaml").write_text(text, encoding="utf-8")
    done = new_study.run("annobench", "validate", "config.yaml")
    assert done.returncode == 2
    assert "needs views.verbal" in done.stderr
    assert len(done.stderr.splitlines()) == 1
