import shutil

import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.models.loading import (
    is_encoder_decoder,
    load_model,
    load_tokenizer,
    parameter_count,
    read_out_in_fp32,
)


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_folder_as_it_was_saved(build, saved, family):
    model = load_model(saved(family))
    for name, tensor in build(family).state_dict().items():
        assert model.state_dict()[name].equal(tensor), name
    assert is_encoder_decoder(saved(family)) == (family == "t5")
    assert getattr(model.config, "decoder_start_token_id", None) == (0 if family == "t5" else None)
    tokenizer = load_tokenizer(saved(family))
    assert tokenizer.tokenize("red ball ?") == ["red", "ball", "?"]


def test_it_is_fp32_whatever_the_file_holds(build, tmp_path):
    build("llama").bfloat16().save_pretrained(tmp_path)
    assert {p.dtype for p in load_model(tmp_path).parameters()} == {torch.float32}


@pytest.mark.parametrize("left", [0, 4, 1000, -1])
def test_a_broken_file(saved, tmp_path, left):
    folder = shutil.copytree(saved("llama"), tmp_path / "broken")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:left])
    with pytest.raises(AnnobenchError, match="broken: cannot be loaded as a language model"):
        load_model(folder)


def test_no_weights_but_a_pickle(saved, tmp_path):
    folder = shutil.copytree(saved("llama"), tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    torch.save(load_model(saved("llama")).state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(AnnobenchError, match="pickled: cannot be loaded as a language model"):
        load_model(folder)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "t5"])
@torch.no_grad()
def test_outside_training_logits_are_fp32(build, family):
    """Under bf16 arithmetic they are the fp32 product of the final states; in training they are
    left alone."""
    model, untouched = build(family), build(family)
    read_out_in_fp32(model)
    heard = []
    head = model.get_output_embeddings()
    head.register_forward_hook(lambda module, args, output: heard.append((args[0], output)))
    tokens = torch.arange(10)[None]
    inputs = {"input_ids": tokens} | ({"decoder_input_ids": tokens} if family == "t5" else {})

    with torch.autocast("cpu", torch.bfloat16):
        logits = model(**inputs).logits
        rounded = untouched(**inputs).logits
    states, scores = heard.pop()
    exact = states.double() @ head.weight.double().T
    assert scores.dtype == logits.dtype == torch.float32
    torch.testing.assert_close(scores.double(), exact, rtol=0, atol=1e-4)
    assert rounded.dtype == torch.bfloat16
    assert (rounded.double() - logits.double()).abs().max() > 1e-3

    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        model(**inputs)
    assert heard.pop()[1].dtype == torch.bfloat16


@torch.no_grad()
def test_a_frozen_head_in_bf16_is_read_in_fp32_too(build):
    model = build("phi").bfloat16()  # a head with a bias
    read_out_in_fp32(model)
    assert model(input_ids=torch.arange(10)[None]).logits.dtype == torch.float32


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_parameters_are_counted_from_the_files(build, saved, family):
    """In gpt2 and t5 the read-out is the embedding; it is stored, and counted, once."""
    assert parameter_count(saved(family)) == build(family).num_parameters()


def test_parameters_of_a_model_in_several_files(build, tmp_path):
    build("llama").save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert parameter_count(tmp_path) == build("llama").num_parameters()
