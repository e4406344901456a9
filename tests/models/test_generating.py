import json
from itertools import product

import numpy as np
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.models.generating import Writer
from annobench.models.loading import load_model, load_tokenizer

FAMILIES = {"llama": {}, "gpt2": {}, "t5": {}, "bart": {"eos_token_id": 1}, "opt": {}}
OTHERS = ["qwen3", "mistral", "gemma2", "gemma3_text", "phi", "gpt_neox", "bloom"]
PROMPTS = [(5, 6, 7), (9,), (20, 21, 22, 23, 24, 25, 26, 27), (5, 6, 7), (13, 11)]


def writer(folder, **settings):
    return Writer(load_model(folder).eval(), load_tokenizer(folder), **settings)


@torch.no_grad()
def following(model, prompt, said):
    """Logits [V] of the next token, from the whole text in one ordinary pass."""
    if model.config.is_encoder_decoder:
        decoder = [model.config.decoder_start_token_id, *said]
        inputs = {"input_ids": [prompt], "decoder_input_ids": [decoder]}
    else:
        inputs = {"input_ids": [[*prompt, *said]]}
    return model(**{k: torch.tensor(v) for k, v in inputs.items()}).logits[0, -1]


def written_out(one, prompt, draws, temperature):
    """The reference: token after token by hand."""
    said, log_p = [], []
    for step in range(one.most):
        logits = following(one.model, prompt, said)
        if draws is None:
            token = int(logits.argmax())
        else:
            p = (logits.double() / temperature).softmax(-1)
            token = int((p.cumsum(-1) <= draws[step]).sum())
        if token == one.tokenizer.eos_token_id:
            break
        said.append(token)
        log_p.append(logits.log_softmax(-1)[token].item())
    return one.tokenizer.decode(said, skip_special_tokens=True), log_p


@pytest.mark.parametrize(
    ("family", "temperature"),
    [*product(FAMILIES, [None, 0.5, 1.0]), *product(OTHERS, [1.0])],
)
def test_a_batch_is_each_text_by_itself(saved, family, temperature):
    one = writer(saved(family, **FAMILIES.get(family, {})), most=8, temperature=temperature or 1.0)
    draws = None if temperature is None else np.random.default_rng(0).random((len(PROMPTS), 8))
    found = one.generate(PROMPTS, draws)
    for number, (prompt, said) in enumerate(zip(PROMPTS, found, strict=True)):
        own = None if draws is None else draws[number]
        text, log_p = written_out(one, prompt, own, temperature)
        assert said.text == text
        np.testing.assert_allclose(said.log_p, log_p, atol=1e-4)
    assert (found[0] == found[3]) == (temperature is None)


def test_tokens_are_drawn_as_often_as_they_are_likely(saved):
    """One token of 4000 texts, drawn evenly: counts are within one of the expected."""
    one = writer(saved("llama"), most=1, temperature=2.0)
    draws = (np.arange(4000)[:, None] + 0.5) / 4000
    found = one.generate([(5, 6, 7)] * 4000, draws)
    logits = following(one.model, (5, 6, 7), ())
    p = (logits.double() / 2).softmax(-1)
    empty = sum(not said.log_p for said in found)
    assert empty == pytest.approx(4000 * p[one.tokenizer.eos_token_id].item(), abs=1.01)
    dog = one.tokenizer.convert_tokens_to_ids("dog")
    assert sum(said.text == "dog" for said in found) == pytest.approx(
        4000 * p[dog].item(), abs=1.01
    )


def test_nothing_said_has_no_likelihood(saved):
    """Draws of 0 take the first token, which is the padding: no text, and then the end."""
    one = writer(saved("llama"), most=3)
    logits = following(one.model, (5, 6), ()).double().softmax(-1)
    end = one.tokenizer.eos_token_id
    draw = logits[:end].sum() + logits[end] / 2
    (said,) = one.generate([(5, 6)], np.full((1, 3), draw))
    assert (said.text, said.log_p, said.nll) == ("", (), None)


def test_a_text_that_must_say_something(saved):
    """The end is not among its first tokens, even if it is the likeliest; its likelihood is as
    it was."""
    one = writer(saved("llama"), most=1, speaks=True)
    likely = following(one.model, PROMPTS[0], ()).log_softmax(-1).sort(descending=True)
    one.model.generation_config.eos_token_id = [1, *likely.indices[:2].tolist()]
    (said,) = one.generate(PROMPTS[:1])
    assert said.log_p == pytest.approx([likely.values[2].item()], abs=1e-5)


@pytest.mark.parametrize("stop", ["redball", "ball", "dog"])
def test_a_text_ends_before_its_stop(saved, stop):
    """Of what is written without it, what comes before it, token by token."""
    draws = np.random.default_rng(3).random((200, 12))
    free = writer(saved("llama"), most=12).generate([(5, 6, 7)] * 200, draws)
    cut = writer(saved("llama"), most=12, stop=stop).generate([(5, 6, 7)] * 200, draws)
    assert any(stop in said.text.replace(" ", "") for said in free)
    for whole, kept in zip(free, cut, strict=True):
        before, found, _ = whole.text.replace(" ", "").partition(stop)
        assert kept.text.replace(" ", "") == before
        assert kept.log_p == pytest.approx(whole.log_p[: len(kept.log_p)], abs=1e-5)
        assert found or kept.text == whole.text


def test_a_prompt_as_long_as_the_window(saved):
    """A prompt of 127 leaves one place, one of 128 none."""
    one = writer(saved("gpt2"), most=5)
    (said,) = one.generate([(5,) * 127])
    assert len(said.log_p) <= 1
    with pytest.raises(AnnobenchError, match="found 129 tokens; allowed: 128 at most, the window"):
        one.generate([(5,) * 128])


def test_a_models_own_habits_of_generating_are_left_out(saved, tmp_path):
    """Penalties, forced and forbidden tokens of generation_config.json."""
    one = writer(saved("llama"), most=6)
    wanted = one.generate(PROMPTS)
    one.model.save_pretrained(tmp_path)
    one.tokenizer.save_pretrained(tmp_path)
    habits = {"repetition_penalty": 5.0, "suppress_tokens": [14, 15, 16], "temperature": 3.0}
    habits |= {"do_sample": True, "eos_token_id": 1, "forced_eos_token_id": 20, "top_k": 2}
    (tmp_path / "generation_config.json").write_text(json.dumps(habits))
    assert writer(tmp_path, most=6).generate(PROMPTS) == wanted


def test_every_token_that_ends_a_text_does(saved):
    """Chat models have several, in generation_config.json."""
    one = writer(saved("llama"), most=3)
    first = int(following(one.model, PROMPTS[0], ()).argmax())
    assert len(one.generate(PROMPTS[:1])[0].log_p) == 3
    one.model.generation_config.eos_token_id = [1, first]
    assert one.generate(PROMPTS[:1])[0].log_p == ()


def test_a_model_without_an_end(saved):
    one = writer(saved("llama"), most=2)
    one.tokenizer.eos_token = None
    one.model.config.eos_token_id = one.model.generation_config.eos_token_id = None
    with pytest.raises(AnnobenchError, match="'llama': found no token that ends a text"):
        one.generate([(5,)])
