import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from annobench.models.loading import load_model
from annobench.models.saving import save_model
from annobench.models.settings import Lora, Model
from annobench.models.tuning import tuned
from annobench.training.checkpoint import trained

TOKENS = torch.tensor([[5, 6, 7, 8, 9]])


def adapted(folder, settings):
    """A model with adapters that change its scores, and their values."""
    model = load_model(folder)
    values = trained(tuned(model, settings, ("stream",)))
    with torch.no_grad():
        for value in values.values():
            value.add_(0.05)
    return model.eval(), {name: value.detach().clone() for name, value in values.items()}


def logits(model):
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            return model(input_ids=TOKENS, decoder_input_ids=TOKENS).logits
        return model(TOKENS).logits


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_adapters_on_a_model_of_ones_own_are_merged(family, saved, tmp_path):
    settings = Model(source="path:any", tune=Lora(rank=2))
    model, values = adapted(saved(family), settings)
    save_model(saved(family), settings, values, tmp_path)
    assert not (tmp_path / "adapter_config.json").exists()
    kind = AutoModelForSeq2SeqLM if family == "t5" else AutoModelForCausalLM
    found = kind.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(logits(found), logits(model), atol=1e-4, rtol=1e-4)


def test_adapters_on_a_model_of_the_hub_name_it_and_its_revision(saved, tmp_path):
    from peft import PeftModel

    settings = Model(source="hub:someone/model@abc123", tune=Lora(rank=2))
    model, values = adapted(saved("llama"), settings)
    save_model(saved("llama"), settings, values, tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "someone/model"
    assert config["revision"] == "abc123"
    assert not (tmp_path / "model.safetensors").exists()
    base = AutoModelForCausalLM.from_pretrained(saved("llama"))
    found = PeftModel.from_pretrained(base, tmp_path).eval()
    torch.testing.assert_close(logits(found), logits(model))
