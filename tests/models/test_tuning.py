import numpy as np
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.models.decoder import DecoderScorer, TopDecoder, frozen_states
from annobench.models.encoder_decoder import EncoderDecoderScorer
from annobench.models.settings import Full, Model, TopLayers
from annobench.models.tuning import load_scorer, tuned

CPU = torch.device("cpu")


def model(tune, **settings):
    return Model(source="path:any", tune=tune, **settings)


@pytest.mark.parametrize(
    ("family", "stack", "norm"),
    [
        ("llama", "model.layers", ["model.norm.weight"]),
        ("qwen2", "model.layers", ["model.norm.weight"]),
        ("gemma2", "model.layers", ["model.norm.weight"]),
        (
            "gpt_neox",
            "gpt_neox.layers",
            ["gpt_neox.final_layer_norm.weight", "gpt_neox.final_layer_norm.bias"],
        ),
        ("gpt2", "transformer.h", ["transformer.ln_f.weight", "transformer.ln_f.bias"]),
        (
            "opt",
            "model.decoder.layers",
            ["model.decoder.final_layer_norm.weight", "model.decoder.final_layer_norm.bias"],
        ),
    ],
)
def test_top_layers_and_the_norm_are_trained_and_nothing_else(build, family, stack, norm):
    top = tuned(build(family), model(TopLayers(layers=2)))
    trained = {name for name, p in top.named_parameters() if p.requires_grad}
    layers = {name for name, _ in top.named_parameters() if name.startswith(f"model.{stack}.")}
    assert {name.split(f"{stack}.")[1].split(".")[0] for name in layers} == {"0", "1"}
    assert trained == layers | {f"model.{name}" for name in norm}


def test_full_trains_everything(build):
    whole = build("llama").requires_grad_(False)
    assert tuned(whole, model(Full())) is whole
    assert all(p.requires_grad for p in whole.parameters())


def test_top_layers_of_an_encoder_decoder(build):
    with pytest.raises(AnnobenchError, match=r"path:any: .*allowed: \{kind: full\}"):
        tuned(build("t5"), model(TopLayers()))


def test_the_scorer_fits_the_model(saved, build, token_items):
    whole = load_scorer(saved("llama"), model(Full()), token_items, None, 100, CPU)
    assert isinstance(whole, DecoderScorer)
    assert not isinstance(whole.model, TopDecoder)

    pair = load_scorer(saved("t5"), model(Full(), score="mean"), token_items, None, 100, CPU)
    assert isinstance(pair, EncoderDecoderScorer)
    assert pair.score == "mean"

    states = frozen_states(build("llama"), token_items, 2, 100)
    top = load_scorer(saved("llama"), model(TopLayers(layers=2)), token_items, states, 100, CPU)
    assert isinstance(top.model, TopDecoder)
    numbers = np.arange(len(token_items))
    for (_, cached), (_, plain) in zip(top.chunks(numbers), whole.chunks(numbers), strict=True):
        torch.testing.assert_close(cached, plain, rtol=0, atol=1e-4)
