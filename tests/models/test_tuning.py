import numpy as np
import pytest
import torch
from transformers.pytorch_utils import Conv1D

from annobench.errors import AnnobenchError
from annobench.models.decoder import DecoderScorer, TopDecoder, frozen_states
from annobench.models.encoder_decoder import EncoderDecoderScorer
from annobench.models.settings import Full, Lora, Model, TopLayers
from annobench.models.tuning import load_scorer, recompute_activations, tuned

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
    with pytest.raises(AnnobenchError, match=r"path:any: .*allowed: \{kind: full\} or"):
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


def test_an_encoder_decoder_without_a_start_token(build, tokenizer, token_items, tmp_path):
    build("t5", decoder_start_token_id=None).save_pretrained(tmp_path)
    with pytest.raises(AnnobenchError, match="decoder_start_token_id is missing"):
        load_scorer(tmp_path, model(Full()), token_items, None, 100, CPU)


NARROW = {"word_embed_proj_dim": 16, "do_layer_norm_before": False}
"""As OPT-350m: embeddings are narrower than the layers, and projected."""


def test_top_layers_behind_narrow_embeddings(build, token_items):
    narrow = build("opt", **NARROW)
    for refused in (
        lambda: tuned(narrow, model(TopLayers(layers=1))),
        lambda: frozen_states(narrow, token_items, 1, 100),
    ):
        with pytest.raises(AnnobenchError, match="'opt': found embeddings of 16 numbers before"):
            refused()
    whole = DecoderScorer(tuned(narrow, model(Full())), token_items, "sum", 100, CPU)
    assert len(list(whole.chunks(np.arange(len(token_items))))) > 0


# gradient checkpointing


TUNES = {"full": Full(), "lora": Lora(), "top": TopLayers(layers=2)}


def gradients(scorer):
    """Loss, the gradient of what is trained, and how often a part of the last layer ran."""
    runs = []
    stack = [m for m in scorer.model.modules() if isinstance(m, torch.nn.ModuleList)][-1]
    part = next(m for m in stack[-1].modules() if isinstance(m, torch.nn.Linear | Conv1D))
    part.register_forward_hook(lambda *_: runs.append(1))
    scorer.model.train()
    total = 0.0
    chunks = 0
    for _, scores in scorer.chunks(np.arange(len(scorer.items))):
        loss = -scores.log_softmax(-1)[:, 0].sum()
        loss.backward()
        total += loss.item()
        chunks += 1
    found = {n: p.grad for n, p in scorer.model.named_parameters() if p.requires_grad}
    return total, found, len(runs) / chunks


@pytest.mark.parametrize(
    ("family", "tune"),
    [
        ("llama", "full"),
        ("llama", "lora"),
        ("llama", "top"),
        ("gpt2", "top"),
        ("t5", "full"),
        ("t5", "lora"),
        ("bart", "full"),
    ],
)
def test_recomputed_activations_give_the_same_gradients(saved, build, token_items, family, tune):
    """A layer runs a second time, in the backward pass."""
    states = frozen_states(build(family), token_items, 2, 100) if tune == "top" else None

    def scorer():
        return load_scorer(saved(family), model(TUNES[tune]), token_items, states, 40, CPU)

    loss, wanted, runs = gradients(scorer())
    thrifty = scorer()
    recompute_activations(thrifty.model)
    same_loss, found, more_runs = gradients(thrifty)
    assert (runs, more_runs) == (1, 2)
    assert same_loss == pytest.approx(loss, rel=1e-6)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


def test_a_model_that_cannot_recompute(build):
    whole = build("llama")
    whole.supports_gradient_checkpointing = False
    with pytest.raises(AnnobenchError, match=r"gradient_checkpointing: .*'llama'; allowed: false"):
        recompute_activations(whole)
