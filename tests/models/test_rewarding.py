"""Reward models are tiny random classifiers; the reference reads one text after the other."""

import shutil
from functools import cache

import numpy as np
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.models import rewarding
from annobench.models.loading import load_tokenizer
from annobench.models.rewarding import rewards

PROMPTS = ["which one is red ?", "which ?", "the box is red . the door is blue . which one ?"]
PROMPTS += ["the cat ?", "which ?"]
RESPONSES = ["the ball .", "dog", "blue", "the dark green wall is the one .", "cat"]
CHAT = "{% for m in messages %}{{ m.role }}: {{ m.content }} . {% endfor %}"


@pytest.fixture(scope="module")
def judge(tokenizer, tmp_path_factory):
    """judge(family, **changes): the folder of a reward model and its tokenizer."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    shapes = {
        "llama": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
        "gpt2": {"n_embd": 32, "n_layer": 2},
        "bert": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
    }
    heads = {"gpt2": {"n_head": 4, "n_positions": 128}}
    usual = {"num_attention_heads": 4, "max_position_embeddings": 128}

    @cache
    def save(family, dtype=torch.float32, **changes):
        keys = {"vocab_size": 64, "pad_token_id": 0, "num_labels": 1}
        keys |= shapes[family] | heads.get(family, usual) | changes
        config = AutoConfig.for_model(family, **keys)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            model = AutoModelForSequenceClassification.from_config(config)
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        folder = tmp_path_factory.mktemp(family)
        model.to(dtype).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return save


@torch.no_grad()
def alone(folder, texts):
    """Each text in a pass of its own."""
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = load_tokenizer(folder)
    ids = [torch.tensor([tokenizer(text).input_ids]) for text in texts]
    return [model(own).logits.item() for own in ids]


TEXTS = [f"{prompt}\n{response}" for prompt, response in zip(PROMPTS, RESPONSES, strict=True)]


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert"])
def test_a_reward_is_the_models_whatever_stands_beside_it(judge, family):
    folder = judge(family)
    found = rewards(folder, PROMPTS, RESPONSES)
    np.testing.assert_allclose(found, alone(folder, TEXTS), atol=1e-5)
    assert np.unique(found.round(3)).size == len(TEXTS)


@pytest.mark.parametrize("most", [1, 20])
def test_batches_change_nothing(judge, monkeypatch, most):
    wanted = rewards(judge("llama"), PROMPTS, RESPONSES)
    monkeypatch.setattr(rewarding, "BATCH_TOKENS", most)
    np.testing.assert_allclose(rewards(judge("llama"), PROMPTS, RESPONSES), wanted, atol=1e-5)


def test_nothing_to_judge(judge):
    assert rewards(judge("llama"), [], []).shape == (0,)


def test_a_chat_is_one_conversation(judge, tmp_path):
    folder = shutil.copytree(judge("llama"), tmp_path / "chat")
    tokenizer = load_tokenizer(folder)
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    pairs = zip(PROMPTS, RESPONSES, strict=True)
    wanted = alone(folder, [f"user: {prompt} . assistant: {own} . " for prompt, own in pairs])
    np.testing.assert_allclose(rewards(folder, PROMPTS, RESPONSES), wanted, atol=1e-5)


@pytest.mark.parametrize("known", ["tokenizer", "nobody"])
def test_a_model_that_names_no_token_for_padding(judge, tmp_path, known):
    """The tokenizer's is taken; if there is none, texts are read one after the other."""
    folder = shutil.copytree(judge("llama", pad_token_id=None), tmp_path / "judge")
    if known == "nobody":
        own = load_tokenizer(folder)
        own.pad_token = None
        own.save_pretrained(folder)
    found = rewards(folder, PROMPTS, RESPONSES)
    np.testing.assert_allclose(found, alone(folder, TEXTS), atol=1e-5)


def test_rewards_are_in_fp32_whatever_the_weights_are(judge):
    """So that rewards close to one another do not tie."""
    found = rewards(judge("llama", dtype=torch.bfloat16), PROMPTS, RESPONSES)
    rounded = torch.tensor(found).bfloat16().double().numpy()
    assert (found != rounded).all()


def test_a_text_beyond_the_window_loses_its_end(judge):
    folder = judge("gpt2")
    long = "which " * 200
    found = rewards(folder, [long, long], ["cat", "dog"])
    assert found[0] == found[1] == pytest.approx(alone(folder, ["which " * 128])[0], abs=1e-5)


def test_two_outputs_are_refused(judge):
    with pytest.raises(AnnobenchError, match="found no reward model: it has 2 outputs; allowed: "):
        rewards(judge("llama", num_labels=2), PROMPTS, RESPONSES)


def test_a_language_model_is_refused(saved):
    with pytest.raises(AnnobenchError, match=r"its weights lack score\.weight; allowed: "):
        rewards(saved("llama"), PROMPTS, RESPONSES)


def test_no_model_is_refused(tmp_path):
    with pytest.raises(AnnobenchError, match=r"found no reward model: .*; allowed: ") as caught:
        rewards(tmp_path, PROMPTS, RESPONSES)
    assert str(caught.value).startswith(f"{tmp_path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_no_weights_are_refused(judge, tmp_path):
    (tmp_path / "config.json").write_bytes((judge("llama") / "config.json").read_bytes())
    with pytest.raises(AnnobenchError, match=r"found no reward model: .*; allowed: "):
        rewards(tmp_path, PROMPTS, RESPONSES)
