import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from annobench.models.read_out import read_out_in_fp32


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


class Products(TorchDispatchMode):
    """Counts the products that are as wide as the vocabulary."""

    def __init__(self, width):
        super().__init__()
        self.width, self.seen = width, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **kwargs or {})
        self.seen += func is torch.ops.aten.mm.default and out.shape[-1] == self.width
        return out


@torch.no_grad()
def test_logits_are_computed_once(build):
    model = build("llama")
    read_out_in_fp32(model)
    read_out_in_fp32(model)
    with Products(model.config.vocab_size) as products, torch.autocast("cpu", torch.bfloat16):
        model(input_ids=torch.arange(10)[None])
    assert products.seen == 1


@torch.no_grad()
def test_the_output_layer_stays_the_one_it_was(build):
    model = build("gpt2")
    names, head = list(model.state_dict()), model.get_output_embeddings()
    read_out_in_fp32(model)
    assert model.get_output_embeddings() is head
    assert head.weight is model.get_input_embeddings().weight
    head.eval()
    head(torch.ones(1, head.in_features))
    assert list(model.state_dict()) == names
