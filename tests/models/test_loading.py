import shutil

import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.models.loading import (
    is_encoder_decoder,
    load_model,
    load_tokenizer,
    parameter_count,
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


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_parameters_are_counted_from_the_files(build, saved, family):
    """In gpt2 and t5 the read-out is the embedding; it is stored, and counted, once."""
    assert parameter_count(saved(family)) == build(family).num_parameters()


def test_parameters_of_a_model_in_several_files(build, tmp_path):
    build("llama").save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert parameter_count(tmp_path) == build("llama").num_parameters()
