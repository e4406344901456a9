"""A study whose methods ask the model: views are shared, answers are kept, and both go stale."""

import shutil

import pandas as pd
import pytest

STUDY = """\
study: tiny
seeds: [0]
datasets:
  geo: {source: geonames, train: 16, test: 8}
models:
  llama: {source: "path:model", tune: {kind: top-layers, layers: 1}}
noise:
  response-30: {kind: response, rate: 0.3}
  response-50: {kind: response, rate: 0.5}
methods:
  zero-shot: {}
  token-sft: {}
  self-rag: {k: 1}
  # A random model is hardly ever right twice, so no label is checked.
  robustft: {k: 1, checker: null}
  robustft-all: {kind: robustft, k: 1, checker: null, beta: 1}
views: {reflections: 1, encoder: {source: "path:encoder"}}
training: {epochs: 1, items_per_batch: 8, precision: fp32}
tables:
  main: {kind: noise-rates, gain: {robustft: [zero-shot, token-sft]}}
  detection: {}
  views: {}
figures:
  perplexity-densities: {}
"""


@pytest.fixture(scope="module")
def encoder(model, tmp_path_factory):
    """A random sentence encoder."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=512,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


def test_views_are_shared_answers_are_kept_and_both_go_stale(new_study, encoder):
    shutil.copytree(encoder, new_study.path("encoder"))
    new_study.path("config.yaml").write_text(STUDY, encoding="utf-8")
    new_study.finish()
    assert new_study.planned() == []
    results = new_study.path("results/tiny")
    views = {str(path.relative_to(results)) for path in results.glob("views/**/*.parquet")}
    assert views == {
        "views/geo/embeddings.parquet",
        "views/geo/llama/base.parquet",
        "views/geo/llama/reasoning.parquet",
    }
    # A context of each rate for both robustft cells, one for self-rag, and a review of each rate,
    # which is the same where the context answers are.
    assert len(list(results.glob("asked/geo/llama/*.parquet"))) in (2 * 3, 2 * 3 - 1)

    main = pd.read_csv(results / "tables/main.csv")
    assert main.iloc[:, 0].astype(str).str.contains("robustft").any()
    found = pd.read_parquet(results / "views.parquet")
    assert found[["view", "items", "failures"]].to_numpy().tolist() == [
        ["base", 24, 0],
        ["reasoning", 24, 0],
    ]
    metrics = pd.read_parquet(results / "metrics.parquet").set_index(["method", "noise", "metric"])
    recall = metrics["value"].xs("detection-recall", level="metric")
    assert recall["robustft"].between(0, 1).all()

    new_study.edit("config.yaml", "rate: 0.5", "rate: 0.6")
    planned = new_study.planned()
    assert [job for job in planned if job.startswith(("view", "embed", "encode"))] == []
    cells = [job for job in planned if job.startswith("train")]
    assert [cell.split("/")[1] for cell in cells] == ["response-50"] * 4
    new_study.edit("config.yaml", "reflections: 1", "reflections: 2")
    views = [job for job in new_study.planned() if job.startswith(("view", "embed"))]
    assert views == ["view geo llama reasoning"]
    new_study.refuses_a_full_disk(
        "embed config.yaml geo", "results/tiny/views/geo/embeddings.parquet"
    )


def test_an_encoder_that_is_missing_is_one_sentence(new_study):
    new_study.path("config.yaml").write_text(STUDY, encoding="utf-8")
    done = new_study.run("annobench", "fetch", "config.yaml", "path:encoder")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "annobench: error: path:encoder: found no model; allowed: a folder with config.json and "
        "*.safetensors"
    )
