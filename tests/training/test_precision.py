from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from annobench.training import precision
from annobench.training.precision import (
    ProductsInFp32,
    arithmetic,
    device_name,
    pick_device,
    products,
    store_frozen,
)

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


def bf16(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).bfloat16()


PRODUCTS = {
    "matrices": (torch.mm, [(5, 7), (7, 3)]),
    "matrices and a sum": (torch.addmm, [(3,), (5, 7), (7, 3)]),
    "batches": (torch.bmm, [(2, 5, 7), (2, 7, 3)]),
    "batches and a sum": (torch.baddbmm, [(2, 5, 3), (2, 5, 7), (2, 7, 3)]),
    "matrix and vector": (torch.mv, [(5, 7), (7,)]),
    "matrix, vector and a sum": (torch.addmv, [(5,), (5, 7), (7,)]),
    "vectors": (torch.dot, [(7,), (7,)]),
    "linear": (linear, [(2, 5, 7), (3, 7), (3,)]),
    "attention's": (torch.matmul, [(2, 3, 5, 7), (2, 3, 7, 5)]),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_in_fp32_are_exact_ones_of_the_same_numbers_rounded(name):
    product, shapes = PRODUCTS[name]
    operands = [bf16(*shape) for shape in shapes]
    exact = product(*(x.float() for x in operands)).bfloat16()
    with ProductsInFp32():
        found = product(*operands)
        assert product(*(x.float() for x in operands)).dtype == torch.float32
    assert found.dtype == torch.bfloat16
    assert found.equal(exact)


def test_gradients_of_products_in_fp32_are_rounded_exact_ones():
    x, weight = bf16(5, 7).requires_grad_(), bf16(3, 7).requires_grad_()
    with ProductsInFp32():
        linear(x, weight).sum().backward()
    ones = torch.ones(5, 3)
    assert x.grad.equal((ones @ weight.float()).bfloat16())
    assert weight.grad.equal((ones.T @ x.float()).bfloat16())


def test_products_in_fp32_keep_other_settings():
    a, b, c = bf16(5, 3), bf16(5, 7), bf16(7, 3)
    with ProductsInFp32():
        found = torch.addmm(a, b, c, beta=0.5, alpha=2)
    assert found.equal((0.5 * a.float() + 2 * (b.float() @ c.float())).bfloat16())


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("kind", ["bf16", "fp32"])
@pytest.mark.parametrize("able", [True, False])
def test_products_are_in_fp32_only_where_a_cpu_has_none_in_bf16(monkeypatch, device, kind, able):
    monkeypatch.setattr(precision, "has_bf16_products", lambda: able)
    helped = (device, kind, able) == ("cpu", "bf16", False)
    assert type(products(torch.device(device), kind)) is (ProductsInFp32 if helped else nullcontext)


def test_whether_a_cpu_has_products_in_bf16_is_what_torch_says():
    able = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert precision.has_bf16_products() is able


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
