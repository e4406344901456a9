import torch
from torch import nn

from annobench.training.precision import arithmetic, device_name, pick_device, store_frozen

CPU = torch.device("cpu")


def test_the_device_is_the_one_there_is():
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    known = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    assert device_name() == (known or ["cpu"])[0]


def test_arithmetic():
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    with arithmetic(CPU, "bf16"):
        assert layer(x).dtype == torch.bfloat16
    with arithmetic(CPU, "fp32"):
        assert layer(x).dtype == torch.float32


def test_only_frozen_parameters_are_stored_in_bf16():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    store_frozen(model, "fp32")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    store_frozen(model, "bf16")
    assert model[0].weight.dtype == model[0].bias.dtype == torch.bfloat16
    assert model[1].weight.dtype == model[2].weight.dtype == torch.float32
    assert model[2].running_mean.dtype == torch.float32  # buffers, as rotary frequencies, stay
    assert model[0].weight.equal(before.bfloat16())
