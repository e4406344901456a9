import numpy as np
import pandas as pd
import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaMLP

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.models.decoder import frozen_states
from annobench.models.loading import load_model
from annobench.models.settings import Full, Lora, Model, TopLayers
from annobench.models.tokens import tokenize
from annobench.questions import Question
from annobench.stages.encode import encode, read_features, tokens_of, write_features
from annobench.training.settings import Training

pytestmark = pytest.mark.usefixtures("in_bf16")

FP32 = Training(precision="fp32", row_tokens=64)
BF16 = Training(precision="bf16", row_tokens=64)


def model(tune=None, **settings):
    return Model(source="path:any", tune=tune or TopLayers(layers=1), **settings)


def test_tokens_in_the_order_of_the_items(saved, items, tokenizer):
    found = tokens_of(items, saved("llama"), model())
    assert [token.item for token in found] == items["item"].tolist()
    row = items.iloc[3]
    assert found[3] == tokenize(
        tokenizer, Question("q03", row.prompt, tuple(row.options)), model(), False
    )


def test_states_of_the_frozen_layers(saved, build, items):
    tokens, states = encode(items, saved("llama"), model(TopLayers(layers=2)), FP32)
    wanted = frozen_states(build("llama"), tokens, 2, 10_000)
    torch.testing.assert_close(states.values, wanted.values)
    assert states.starts.tolist() == wanted.starts.tolist()
    assert not states.values.requires_grad


def test_states_out_of_memory_are_computed_in_smaller_rows(saved, items, monkeypatch, caplog):
    """As those of large rows, up to rounding."""
    _, wanted = encode(items, saved("llama"), model(TopLayers(layers=2)), FP32)
    forward = LlamaMLP.forward

    def tight(self, states):
        if not self.training and states.shape[1] > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, states)

    monkeypatch.setattr(LlamaMLP, "forward", tight)
    _, found = encode(items, saved("llama"), model(TopLayers(layers=2)), FP32)
    assert "rows of 32 tokens from here on: CUDA out of memory" in caplog.text
    torch.testing.assert_close(found.values, wanted.values)


def test_layers_above_the_frozen_ones_are_not_run(saved, items):
    ran = []
    tokens = tokens_of(items, saved("llama"), model())
    whole = load_model(saved("llama"))
    for layer in whole.model.layers:
        layer.register_forward_hook(lambda layer, *_: ran.append(layer))
    frozen_states(whole, tokens, 2, 10_000)
    assert ran == [whole.model.layers[0]]
    frozen_states(whole, tokens, 1, 10_000)
    assert ran[1:] == list(whole.model.layers[:2])  # the first call left no hook


@pytest.mark.parametrize(
    ("family", "tune"), [("llama", Full()), ("llama", Lora()), ("t5", Full()), ("t5", Lora())]
)
def test_no_states_where_nothing_is_frozen(saved, items, family, tune):
    tokens, states = encode(items, saved(family), model(tune), FP32)
    assert len(tokens) == len(items)
    assert states is None


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "gpt_neox"])
def test_bf16_states_are_bf16_and_close(saved, items, family):
    tune = model(TopLayers(layers=1))
    _, exact = encode(items, saved(family), tune, FP32)
    _, rounded = encode(items, saved(family), tune, BF16)
    assert rounded.values.dtype == torch.bfloat16
    error = (rounded.values.float() - exact.values).norm() / exact.values.norm()
    assert error < 0.02


def test_positions_keep_their_precision_in_bf16(build, tokenizer, items, tmp_path):
    """Far from the start, rotary angles from rounded frequencies would be off by a radian."""
    frequencies = {"rope_type": "default", "rope_theta": 15.75}  # 0.502: midway for bf16
    whole = build("llama", max_position_embeddings=4096, rope_parameters=frequencies)
    with torch.no_grad():
        for layer in whole.model.layers:  # attention that picks its tokens by their distance
            layer.self_attn.q_proj.weight.mul_(5)
    whole.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    words = np.random.default_rng(0).choice(items["prompt"].iloc[0].split(), 1000)
    long = items.iloc[:1].assign(prompt=" ".join(words))
    _, exact = encode(long, tmp_path, model(TopLayers(layers=1)), FP32)
    _, rounded = encode(long, tmp_path, model(TopLayers(layers=1)), BF16)
    difference = (rounded.values.float() - exact.values)[-200:]
    assert difference.norm() / exact.values[-200:].norm() < 0.05


def test_a_long_item_behind_short_ones_is_checked_too(saved, items):
    """The model's window covers the first items, but not the last."""
    folder = saved("mistral", sliding_window=32)
    encode(items, folder, model(Full()), FP32)
    last = len(items) - 1
    prompts = items["prompt"].where(items.index != last, items["prompt"] * 5)
    with pytest.raises(AnnobenchError, match="texts within their window"):
        encode(items.assign(prompt=prompts), folder, model(Full()), FP32)


def test_more_trained_layers_than_there_are(saved, items):
    with pytest.raises(AnnobenchError, match="found 9; allowed: 1 to 3"):
        encode(items, saved("llama"), model(TopLayers(layers=9)), FP32)


@pytest.mark.parametrize("tune", [TopLayers(layers=1), Full()])
@pytest.mark.parametrize("training", [FP32, BF16], ids=["fp32", "bf16"])
def test_features_are_read_as_they_were_written(saved, items, tmp_path, tune, training):
    tokens, states = encode(items, saved("llama"), model(tune), training)
    paths = tmp_path / "tokens.parquet", tmp_path / "states.safetensors"
    write_features(*paths, tokens, states)
    tokens_again, states_again = read_features(*paths)
    assert tokens_again == tokens
    assert (states is None) == (states_again is None)
    if states is not None:
        assert states_again.values.equal(states.values)
        assert np.array_equal(states_again.starts, states.starts)


def test_broken_features(saved, items, tmp_path):
    tokens, states = encode(items, saved("llama"), model(), FP32)
    paths = tmp_path / "tokens.parquet", tmp_path / "states.safetensors"
    write_features(*paths, tokens, states)
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[: len(content) // 2])
    with pytest.raises(AnnobenchError, match=r"states\.safetensors: is damaged"):
        read_features(*paths)
    paths[1].unlink()
    with pytest.raises(AnnobenchError, match=r"states\.safetensors: cannot be read"):
        read_features(*paths)
    tables.write(paths[0], pd.DataFrame({"item": ["a"]}), tables.TOKENS.remove(2).remove(1))
    with pytest.raises(AnnobenchError, match=r"tokens\.parquet: column 'prompt' is missing"):
        read_features(*paths)


@pytest.fixture
def pairs():
    """`tables.ITEMS` of three pairs."""
    options = [["the cat", "a dog"], ["red", "dark blue ball"], ["yes", "no"]]
    rows = {"item": ["a", "b", "c"], "prompt": ["which ?", "which colour ?", "is one red ?"]}
    return pd.DataFrame(rows | {"options": options, "sources": [["big", "small"]] * 3})


@pytest.mark.parametrize("answer", ["text", "letter"])
def test_the_end_of_the_text_stands_behind_both_responses(saved, tokenizer, pairs, answer):
    """Whatever the model answers by: a response has no letter."""
    found = tokens_of(pairs, saved("llama"), model(answer=answer))
    assert [token.item for token in found] == ["a", "b", "c"]
    for token, row in zip(found, pairs.itertuples(), strict=True):
        assert token.prompt == tuple(tokenizer(f"Question: {row.prompt}\nAnswer:").input_ids)
        ends = [[*tokenizer(text).input_ids, tokenizer.eos_token_id] for text in row.options]
        assert token.options == tuple(map(tuple, ends))


def test_pairs_have_states_of_the_frozen_layers(saved, build, pairs):
    tokens, states = encode(pairs, saved("llama"), model(TopLayers(layers=2)), FP32)
    torch.testing.assert_close(states.values, frozen_states(build("llama"), tokens, 2, 99).values)
