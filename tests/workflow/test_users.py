"""A study of users: two models respond, users compare, and a model learns from their choices."""

import pandas as pd
import pytest

# A writer that always says what is likeliest is better by the data set's own measure.
STUDY = """\
study: tiny
seeds: [0]
datasets:
  pairs:
    kind: geo-pairs
    tasks: [capital]
    train: 12
    test: 4
    stronger: {source: "path:model", tokens: 6, temperature: 0.02}
    weaker: {source: "path:model", tokens: 6, damage: 0.5}
models:
  llama: {source: "path:model", tune: {kind: top-layers, layers: 1}}
noise:
  half: {kind: users, users: 40, comparisons: 8}
  nobody: {kind: users, users: 40, comparisons: 7, attentiveness: {kind: bernoulli, q: 0}}
exclude:
  - {noise: [nobody], methods: [packed, trl]}
methods:
  users: {}
  packed: {kind: dpo, by: packed}
  trl: {kind: dpo, by: trl}
views: {response_tokens: 6}
training: {epochs: 1, items_per_batch: 8, precision: fp32, lr: 1.0e-3}
tables:
  users: {}
  recovery: {}
figures:
  attentiveness: {}
  recovery: {}
  mu-sweep: {}
"""


@pytest.fixture
def study(new_study):
    new_study.path("config.yaml").write_text(STUDY, encoding="utf-8")
    return new_study


def test_users_are_told_apart_and_a_model_is_aligned(study):
    study.finish()
    assert study.planned() == []
    results = study.path("results/tiny")
    runs = pd.read_parquet(results / "runs.parquet").set_index(["noise", "method"])
    lost = runs.index == ("nobody", "users")
    assert (runs["status"][~lost] == "ok").all()
    assert runs["status"][lost].tolist() == ["failed"]
    assert "found no attentive users" in runs["reason"][lost].item()
    responses = pd.read_parquet(results / "data/pairs/responses.parquet")
    assert set(responses["source"]) == {"path:model", "path:model, damage 0.5"}
    assert len(responses) == 2 * (12 + 4)
    items = pd.read_parquet(results / "data/pairs/items.parquet").set_index("item")
    said = responses.set_index(["item", "option"])["text"].unstack()
    assert [list(own) for own in items["options"]] == said.loc[items.index].to_numpy().tolist()
    recovery = pd.read_parquet(results / "recovery.parquet")
    assert recovery["noise"].unique().tolist() == ["half", "nobody"]
    assert recovery["estimator"].nunique() > 1
    assert (recovery["users"] == 40).all()
    assert recovery["auc"][recovery["noise"] == "half"].notna().any()
    cells = results / "cells/pairs/half/llama"
    aligned = {
        name: pd.read_parquet(cells / name / "0/predictions.parquet") for name in ("packed", "trl")
    }
    test = items.index[items["split"] == "test"]
    for found in aligned.values():
        own = found[found["kl"].notna()]
        assert own["item"].tolist() == test.tolist()
        assert own["win"].isin([0, 0.5, 1]).all()
        assert (own["kl"] != 0).all()
    gap = aligned["packed"]["rewards"].explode() - aligned["trl"]["rewards"].explode()
    assert gap.abs().max() < 0.1 * aligned["packed"]["rewards"].explode().abs().max()
    attentiveness = pd.read_parquet(cells / "users/0/annotators.parquet")
    assert len(attentiveness) == 40
    assert attentiveness["expertise"].between(0, 1).all()
    for name in ("attentiveness", "recovery", "mu-sweep"):
        assert (results / f"figures/{name}.pdf").exists()

    study.edit("config.yaml", "comparisons: 8", "comparisons: 9")
    assert {job.split()[0] for job in study.planned()}.isdisjoint({"respond", "encode", "view"})
    study.edit("config.yaml", "comparisons: 9", "comparisons: 8")
    study.edit("config.yaml", "damage: 0.5", "damage: 0.6")
    planned = [job.split()[0] for job in study.planned()]
    assert planned.count("respond") == planned.count("prepare") == 1
    assert planned.count("train") == 4
    assert "fetch" not in planned
    study.refuses_a_full_disk(
        "respond config.yaml pairs", "results/tiny/data/pairs/responses.parquet"
    )


def test_one_model_on_both_sides_is_refused(study):
    study.edit("config.yaml", ", damage: 0.5", "")
    done = study.run("annobench", "validate", "config.yaml")
    assert done.returncode == 2
    assert "datasets.pairs: weaker: found 'path:model', the same model as" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_control_plans_as_any_other_study(study):
    study.edit("config.yaml", ", damage: 0.5", ", temperature: 0.02")
    study.edit("config.yaml", "kind: geo-pairs", "kind: geo-pairs\n    control: true")
    assert [job for job in study.planned() if job.startswith("respond")] == ["respond pairs"]
