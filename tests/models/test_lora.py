import numpy as np
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.models.loading import load_model
from annobench.models.settings import Lora, Model
from annobench.models.tuning import load_scorer, merge_adapters, tuned
from annobench.training.precision import arithmetic, store_frozen

CPU = torch.device("cpu")
FAMILIES = ["llama", "gpt2", "opt", "t5", "bart"]
USUAL = {
    "llama": {"q_proj", "v_proj"},
    "gpt2": {"c_attn"},
    "gpt_neox": {"query_key_value"},
    "t5": {"q", "v"},
    "mt5": {"q", "v"},
}
"""What PEFT chooses by itself."""


def adapted(build, family="llama", stream=("m", 0), **settings):
    lora = Model(source="path:any", tune=Lora(**settings))
    return tuned(build(family), lora, stream)


def trained(module):
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def layers_with_adapters(module):
    return {name.split(".lora_")[0] for name in trained(module)}


@pytest.mark.parametrize("family", USUAL)
def test_the_usual_targets(build, family):
    found = layers_with_adapters(adapted(build, family))
    assert {name.rpartition(".")[2] for name in found} == USUAL[family]


def test_without_a_usual_choice_every_linear_layer_but_the_vocabularys(build):
    model = build("llama")
    linear = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    model.config.model_type = "never-heard-of"
    found = tuned(model, Model(source="path:any", tune=Lora()), ("m", 0))
    assert layers_with_adapters(found) == linear - {"lm_head"}


def test_targets_by_name_and_shapes(build):
    module = adapted(build, rank=3, alpha=12, targets=["0.self_attn.k_proj", "down_proj"])
    downs = {f"model.layers.{n}.mlp.down_proj" for n in range(3)}
    assert layers_with_adapters(module) == downs | {"model.layers.0.self_attn.k_proj"}
    for name, parameter in trained(module).items():
        assert parameter.shape[0 if "lora_A" in name else 1] == 3
    layer = module.model.layers[0].mlp.down_proj
    x = torch.ones(1, layer.in_features)
    with torch.no_grad():
        before = layer(x)
        layer.lora_B["default"].weight.fill_(1)
        update = 12 / 3 * layer.lora_A["default"](x).sum()
    torch.testing.assert_close(layer(x), before + update)


def test_a_target_that_the_model_lacks(build):
    with pytest.raises(
        AnnobenchError, match=r"tune\.targets 'q_porj' is unknown: did you mean 'q_p"
    ):
        adapted(build, targets=["v_proj", "q_porj"])
    with pytest.raises(AnnobenchError, match=r"tune\.targets 'norm' is unknown"):
        adapted(build, targets=["norm"])


def test_adapters_are_drawn_from_their_stream_alone(build):
    torch.manual_seed(1)
    first = trained(adapted(build))
    state = torch.get_rng_state()
    again = trained(adapted(build))
    assert torch.get_rng_state().equal(state)
    other = trained(adapted(build, stream=("m", 1)))
    assert all(first[name].equal(again[name]) for name in first)
    different = [name for name in first if not first[name].equal(other[name])]
    assert different == [name for name in first if "lora_A" in name]
    assert all(p.eq(0).all() for name, p in first.items() if "lora_B" in name)


@pytest.mark.usefixtures("in_bf16")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_new_adapters_change_no_score(saved, build, token_items, family, precision):
    """Of packed rows and of padded batches, at any seed."""
    lora = Model(source="path:any", tune=Lora())
    scorer = load_scorer(saved(family), lora, token_items, None, 100, CPU, ("m", 0))
    store_frozen(scorer.model, precision)
    whole = type(scorer)(build(family).requires_grad_(False), token_items, "sum", 100, CPU)
    store_frozen(whole.model, precision)
    scorer.model.eval()
    numbers = np.arange(len(token_items))
    with torch.no_grad(), arithmetic(CPU, precision):
        pairs = list(zip(scorer.chunks(numbers), whole.chunks(numbers), strict=True))
    tolerance = 1e-5 if precision == "fp32" else 0.2  # loading reads the vocabulary out in fp32
    for (chosen, found), (same, wanted) in pairs:
        assert chosen.tolist() == same.tolist()
        torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


@pytest.mark.usefixtures("in_bf16")
@pytest.mark.parametrize("family", FAMILIES)
def test_frozen_weights_are_stored_in_bf16_and_adapters_in_fp32(build, family):
    module = adapted(build, family)
    store_frozen(module, "bf16")
    assert {p.dtype for p in trained(module).values()} == {torch.float32}
    frozen = {p.dtype for p in module.parameters() if not p.requires_grad}
    assert frozen == {torch.bfloat16}


@pytest.mark.parametrize("family", FAMILIES)
def test_merged_adapters_make_a_plain_model_of_the_same_scores(
    saved, build, token_items, tmp_path, family
):
    """Saved and loaded as any model."""
    lora = Model(source="path:any", tune=Lora())
    scorer = load_scorer(saved(family), lora, token_items, None, 100, CPU, ("m", 0))
    numbers = np.arange(len(token_items))
    with torch.no_grad():
        before = [scores for _, scores in scorer.chunks(numbers)]
        for name, parameter in trained(scorer.model).items():
            parameter.add_(0.1 if "lora_B" in name else 0)
        wanted = [scores for _, scores in scorer.chunks(numbers)]
        merge_adapters(scorer.model)
        scorer.model.save_pretrained(tmp_path)
        plain = load_model(tmp_path)
        again = type(scorer)(plain, token_items, "sum", 100, CPU)
        found = [scores for _, scores in again.chunks(numbers)]
    assert plain.state_dict().keys() == build(family).state_dict().keys()
    assert not torch.allclose(before[0], wanted[0], atol=1e-2)
    for merged, adapted_scores in zip(found, wanted, strict=True):
        torch.testing.assert_close(merged, adapted_scores, rtol=1e-4, atol=1e-4)
