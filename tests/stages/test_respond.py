"""Two writers respond: what a response depends on, what damage does, and what a judge says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from annobench import tables
from annobench.data import comparisons, geo_pairs
from annobench.errors import AnnobenchError
from annobench.models.decoder import plain_scores
from annobench.models.loading import load_tokenizer
from annobench.models.responses import pair_tokens
from annobench.models.rewarding import rewards
from annobench.pairs import RewardModel, Writer
from annobench.stages.prepare import prepare
from annobench.stages.respond import TEMPLATE, damage, respond, responses
from annobench.training.settings import Training

FP32 = Training(precision="fp32", row_tokens=64, threads=1)
BIG = Writer(source="path:big", tokens=6)
SMALL = Writer(source="path:big", tokens=6, damage=0.3)
PROMPTS = pd.DataFrame(
    {
        "item": ["a", "b", "c", "d", "e"],
        "prompt": ["which ?", "the cat ?", "which one is red ?", "which ?", "the box is red ."],
    }
)


def made(folder, writers=(BIG, SMALL), prompts=PROMPTS, training=FP32):
    folders = {writer.source: folder for writer in writers}
    return responses(prompts, writers, folders, training)


def texts(found, option):
    return found[found["option"] == option].set_index("item")["text"]


@pytest.fixture(scope="module")
def judge(tokenizer, tmp_path_factory):
    """The folder of a random reward model."""
    from transformers import LlamaConfig, LlamaForSequenceClassification

    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_labels=1,
        pad_token_id=0,
    )
    folder = tmp_path_factory.mktemp("judge")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# Damage


def weights(build, amount):
    model = build("llama")
    damage(model, amount)
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def test_no_damage_leaves_the_weights(build):
    sound = dict(build("llama").named_parameters())
    assert all(torch.equal(sound[name], own) for name, own in weights(build, 0.0).items())


def test_more_damage_is_more_of_the_same(build):
    sound, little, much = (weights(build, amount) for amount in (0.0, 0.1, 0.4))
    for name, before in sound.items():
        if before.ndim == 2:
            torch.testing.assert_close(much[name] - before, 4 * (little[name] - before))
            assert (little[name] - before).std().item() == pytest.approx(
                0.1 * before.std().item(), rel=0.1
            )
        else:
            assert torch.equal(much[name], before)


def test_damage_leaves_the_global_random_state(build):
    state = torch.random.get_rng_state()
    weights(build, 0.2)
    assert torch.equal(torch.random.get_rng_state(), state)


# Responses


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_two_responses_to_each_prompt(saved, tmp_path, family):
    found = made(saved(family))
    tables.write(tmp_path / "responses.parquet", found, tables.RESPONSES)
    assert found["item"].tolist() == [*PROMPTS["item"]] * 2
    assert found["option"].tolist() == [0] * 5 + [1] * 5
    assert found["source"].tolist() == ["path:big"] * 5 + ["path:big, damage 0.3"] * 5
    assert (found["text"] == found["text"].str.strip()).all()
    assert (found["score"] < 0).all()
    assert (texts(found, 0) != texts(found, 1)).any()


def test_a_response_depends_on_writer_item_and_place_only(saved):
    found = made(saved("llama"))
    fewer = made(saved("llama"), prompts=PROMPTS[::-1].drop(index=2))
    other = made(saved("llama"), (BIG, Writer(source="path:big", tokens=6, damage=0.9)))
    for option in (0, 1):
        kept = texts(fewer, option)
        assert kept.equals(texts(found, option)[kept.index])
    assert texts(other, 0).equals(texts(found, 0))
    assert not texts(other, 1).equals(texts(found, 1))
    assert texts(found, 0)["a"] != texts(found, 0)["d"]  # the same prompt
    again = PROMPTS.assign(item=["v", "w", "x", "y", "z"])
    assert texts(made(saved("llama"), prompts=again), 0).tolist() != texts(found, 0).tolist()


def test_the_two_responses_of_the_control_differ(saved):
    found = made(saved("llama"), (BIG, BIG))
    assert (texts(found, 0) != texts(found, 1)).all()


def test_temperature_is_the_writers_own(saved):
    cold = Writer(source="path:big", tokens=6, temperature=1e-6)
    found = made(saved("llama"), (cold, cold))
    assert texts(found, 0).equals(texts(found, 1))  # both say what is likeliest


@pytest.mark.parametrize("stronger", [BIG, SMALL], ids=["sound", "damaged"])
@torch.no_grad()
def test_the_score_is_the_mean_log_likelihood_under_the_stronger_writer(saved, build, stronger):
    found = made(saved("llama"), (stronger, BIG))
    model, tokenizer = build("llama"), load_tokenizer(saved("llama"))
    damage(model, stronger.damage)
    for row in found.itertuples():
        prompt = PROMPTS.set_index("item")["prompt"][row.item]
        item = pair_tokens(tokenizer, row.item, prompt, [row.text], TEMPLATE, False)
        assert row.score == pytest.approx(plain_scores(model, item, "mean").item(), abs=1e-4)


def test_a_prompt_beyond_the_window(saved):
    long = PROMPTS.assign(prompt="which " * 140)
    with pytest.raises(AnnobenchError, match="allowed: 128 at most"):
        made(saved("llama"), prompts=long)


# The stage


@pytest.mark.parametrize("judged", [False, True])
def test_the_responses_of_a_data_set(saved, judge, tmp_path, judged):
    settings = geo_pairs.Settings(
        tasks=("capital",),
        train=4,
        test=2,
        stronger=BIG,
        weaker=SMALL,
        reward_model=RewardModel(source="path:judge") if judged else None,
    )
    folders = {"path:big": saved("llama"), "path:judge": judge}
    found = respond("mine", "geo-pairs", settings, None, folders, FP32)
    tables.write(tmp_path / "responses.parquet", found, tables.RESPONSES)
    prompts = geo_pairs.prompts("mine", settings)
    plain = responses(prompts, (BIG, SMALL), folders, FP32)
    own = found["source"] == "path:judge"
    pd.testing.assert_frame_equal(found[~own].reset_index(drop=True), plain)
    assert own.any() == judged
    items = geo_pairs.items("mine", settings, None, plain)
    assert len(items)
    if judged:
        said = found[own].sort_values(["item", "option"])
        wanted = items.sort_values("item").explode("options")
        assert said["item"].tolist() == wanted["item"].tolist()
        assert said["text"].tolist() == wanted["options"].tolist()
        scores = rewards(judge, wanted["prompt"].tolist(), wanted["options"].tolist())
        np.testing.assert_allclose(said["score"], scores, atol=1e-6)


def test_a_reward_model_judges_what_the_data_came_with(judge):
    folder = Path(__file__).parents[1] / "data"
    settings = comparisons.Settings(
        path=str(folder / "comparisons.csv"),
        responses=str(folder / "responses.csv"),
        reward_model=RewardModel(source="path:judge"),
    )
    found = respond("mine", "comparisons", settings, None, {"path:judge": judge}, FP32)
    items = comparisons.items("mine", settings)
    assert found["text"].tolist() == items["options"].explode().tolist()
    assert found["option"].tolist() == [0, 1] * len(items)
    assert set(found["source"]) == {"path:judge"}
    prepared = prepare("mine", "comparisons", settings, None, found)
    assert prepared["scores"].explode().tolist() == found["score"].tolist()
