import pytest
import torch
from torch import nn

from annobench.training import precision
from annobench.training.precision import (
    arithmetic,
    device_name,
    pick_device,
    store_frozen,
    used,
)

CPU = torch.device("cpu")


@pytest.fixture(params=[True, False], ids=["with bf16", "without bf16"])
def able(request, monkeypatch):
    """Whether the device computes in bf16."""
    monkeypatch.setattr(precision, "_has_bf16", lambda device: request.param)
    return request.param


def test_the_device_is_the_one_there_is():
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    known = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    assert device_name() == (known or ["cpu"])[0]


def test_a_device_without_bf16_computes_in_fp32(able):
    assert used("bf16", CPU) == ("bf16" if able else "fp32")
    assert used("fp32", CPU) == "fp32"


def test_whether_the_cpu_has_bf16_is_what_onednn_says():
    able = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert used("bf16", CPU) == ("bf16" if able else "fp32")


def test_whether_a_gpu_has_bf16_does_not_count_emulation(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **keys: asked.append(keys))
    assert used("bf16", torch.device("cuda")) == "fp32"
    assert asked == [{"including_emulation": False}]


def test_arithmetic(able):
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    with arithmetic(CPU, "bf16"):
        assert layer(x).dtype == (torch.bfloat16 if able else torch.float32)
    with arithmetic(CPU, "fp32"):
        assert layer(x).dtype == torch.float32


def test_only_frozen_parameters_are_stored_in_bf16(able):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    store_frozen(model, "fp32")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    store_frozen(model, "bf16")
    if not able:
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        return
    assert model[0].weight.dtype == model[0].bias.dtype == torch.bfloat16
    assert model[1].weight.dtype == model[2].weight.dtype == torch.float32
    assert model[2].running_mean.dtype == torch.float32  # buffers, as rotary frequencies, stay
    assert model[0].weight.equal(before.bfloat16())
