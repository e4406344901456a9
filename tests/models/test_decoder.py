import re

import numpy as np
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.models.decoder import (
    DecoderScorer,
    States,
    TopDecoder,
    check_packing,
    frozen_states,
    layer_stack,
    plain_scores,
)
from annobench.models.packing import pack
from annobench.models.settings import Model, TopLayers
from annobench.models.tokens import TokenItem
from annobench.models.tuning import tuned
from annobench.training.loop import log_probabilities

PACKED = [
    "llama",
    "qwen2",
    "qwen3",
    "mistral",
    "gemma",
    "gemma2",
    "gemma3_text",
    "gpt_neox",
    "phi",
    "opt",
    "gpt2",
]
TRUNKS = {
    "llama": ("model.layers", "model.norm"),
    "qwen2": ("model.layers", "model.norm"),
    "gemma2": ("model.layers", "model.norm"),
    "gemma3_text": ("model.layers", "model.norm"),  # positions differ between its kinds of layer
    "gpt_neox": ("gpt_neox.layers", "gpt_neox.final_layer_norm"),
    "gpt2": ("transformer.h", "transformer.ln_f"),
}
"""Where a family keeps its layers and the norm behind them."""

ROW_TOKENS = [1, 20, 1000]  # an item a row, a few, all in one


def padded_scores(model, items, score):
    """The reference written out: one padded batch, one ordinary sequence per option."""
    texts = [(item.prompt, option) for item in items for option in item.options]
    width = max(len(prompt + option) for prompt, option in texts)
    ids = torch.zeros(len(texts), width, dtype=torch.long)
    seen = torch.zeros_like(ids)
    for i, (prompt, option) in enumerate(texts):
        ids[i, width - len(prompt + option) :] = torch.tensor(prompt + option)
        seen[i, width - len(prompt + option) :] = 1
    positions = (seen.cumsum(-1) - 1).clamp(min=0)
    logits = model(input_ids=ids, attention_mask=seen, position_ids=positions).logits
    log_p = logits.log_softmax(-1)[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1)
    scores = [log_p[i, -len(option) :] for i, (_, option) in enumerate(texts)]
    scores = torch.stack([s.sum() if score == "sum" else s.mean() for s in scores])
    return scores.split([len(item.options) for item in items])


def all_scores(scorer):
    """One [K] tensor per item, in order."""
    found = {}
    for numbers, scores in scorer.chunks(np.arange(len(scorer.items))):
        for number, row in zip(numbers, scores, strict=True):
            options = len(scorer.items[number].options)
            assert row[options:].eq(-torch.inf).all()
            found[int(number)] = row[:options]
    assert list(found) == list(range(len(scorer.items)))
    return list(found.values())


@pytest.mark.parametrize("row_tokens", ROW_TOKENS)
@pytest.mark.parametrize("score", ["sum", "mean"])
@pytest.mark.parametrize("family", PACKED)
@torch.no_grad()
def test_packed_scores_are_the_plain_ones(build, token_items, family, score, row_tokens):
    model = build(family)
    packed = all_scores(DecoderScorer(model, token_items, score, row_tokens, model.device))
    padded = padded_scores(model, token_items, score)
    for item, scores, reference in zip(token_items, packed, padded, strict=True):
        torch.testing.assert_close(scores, reference, rtol=0, atol=1e-4)
        torch.testing.assert_close(scores, plain_scores(model, item, score), rtol=0, atol=1e-4)
    check_packing(model, token_items, row_tokens)


def test_scores_by_hand(build):
    """Logits set by hand: an option's score is the sum, or the mean, of log p of its tokens."""
    model = build("llama", vocab_size=8)
    with torch.no_grad():
        model.model.norm.weight.zero_()  # every logit is 0, every token has probability 1/8
    item = TokenItem("a", (1, 2), ((3,), (4, 5, 6)))
    for score, wanted in [("sum", [1, 3]), ("mean", [1, 1])]:
        (scores,) = all_scores(DecoderScorer(model, [item], score, 10, model.device))
        torch.testing.assert_close(scores, -torch.tensor(wanted) * np.log(8), check_dtype=False)


def test_any_subset_in_any_order(build, token_items):
    model = build("llama")
    scorer = DecoderScorer(model, token_items, "sum", 20, model.device)
    wanted = all_scores(scorer)
    numbers = np.array([4, 0, 3])
    chunks = list(scorer.chunks(numbers))
    assert np.concatenate([chosen for chosen, _ in chunks]).tolist() == [4, 0, 3]
    for number, row in zip(numbers, (row for _, rows in chunks for row in rows), strict=True):
        torch.testing.assert_close(row[: len(wanted[number])], wanted[number])


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("bloom", {}),  # ALiBi; takes no custom mask at all
        ("mpt", {}),  # ALiBi; takes the mask, but not the positions
        ("gpt_neo", {}),  # a local window inside the attention
        ("mistral", {"sliding_window": 6}),  # texts longer than the window
        ("gemma2", {"sliding_window": 6}),
    ],
)
def test_a_family_that_cannot_be_packed_is_refused(build, token_items, family, changes):
    with pytest.raises(AnnobenchError, match=f"model type '{family}': .*custom mask and positions"):
        check_packing(build(family, **changes), token_items, 1000)


def test_a_model_that_ignores_the_mask_is_refused(build, token_items):
    model = build("llama")
    forward = model.forward
    model.forward = lambda attention_mask=None, **kwargs: forward(**kwargs)
    with pytest.raises(AnnobenchError, match="differ from plain ones by"):
        check_packing(model, token_items, 1000)


def test_a_model_whose_scores_are_nan_is_refused(build, token_items):
    model = build("llama")
    with torch.no_grad():
        model.model.norm.weight.fill_(torch.nan)
    with pytest.raises(AnnobenchError, match="by nan"):
        check_packing(model, token_items, 1000)


def gradients(model, scorer):
    """Loss over all items, the first option right, and the gradient of each trained parameter."""
    total = torch.zeros(())
    model.zero_grad()
    for _, scores in scorer.chunks(np.arange(len(scorer.items))):
        loss = -log_probabilities(scores, 5)[:, 0].sum()
        loss.backward()
        total += loss.detach()
    return total, {
        name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None
    }


@pytest.mark.parametrize("row_tokens", [20, 1000])
@pytest.mark.parametrize("family", TRUNKS)
def test_top_layers_fed_with_states_learn_as_in_the_whole_model(
    build, token_items, family, row_tokens
):
    """Scores, loss and every gradient, for every number of trained layers."""
    stack, norm = TRUNKS[family]
    depth = build(family).config.num_hidden_layers
    for layers in range(1, depth + 1):
        whole = build(family).requires_grad_(False)
        states = frozen_states(whole, token_items, layers, row_tokens)
        wanted = [f"{stack}.{depth - layers + number}." for number in range(layers)]
        for name, parameter in whole.named_parameters():
            parameter.requires_grad_(name.startswith((*wanted, f"{norm}.")))
        uncached = DecoderScorer(whole, token_items, "sum", row_tokens, whole.device)
        loss, reference = gradients(whole, uncached)

        top = tuned(build(family), Model(source="any", tune=TopLayers(layers=layers)))
        cached = DecoderScorer(top, token_items, "sum", row_tokens, whole.device, states)
        cached_loss, found = gradients(top, cached)

        pairs = zip(all_scores(uncached), all_scores(cached), strict=True)
        for whole_scores, top_scores in pairs:
            torch.testing.assert_close(top_scores, whole_scores, rtol=0, atol=1e-5)
        torch.testing.assert_close(cached_loss, loss)
        assert set(found) == {in_top(name, stack, depth - layers) for name in reference}
        for name, gradient in reference.items():
            same = found[in_top(name, stack, depth - layers)]
            torch.testing.assert_close(same, gradient, rtol=1e-4, atol=1e-5)


def in_top(name, stack, frozen):
    """A parameter's name in a `TopDecoder` that lacks the first `frozen` layers."""
    return "model." + re.sub(
        rf"^{re.escape(stack)}\.(\d+)", lambda m: f"{stack}.{int(m[1]) - frozen}", name
    )


def test_states_serve_any_batch(build, token_items):
    """Encoded in one row, used in other rows, in another order."""
    model = build("gemma2")
    wanted = all_scores(DecoderScorer(model, token_items, "sum", 1000, model.device))
    states = frozen_states(model, token_items, 2, 1000)
    top = DecoderScorer(
        TopDecoder(build("gemma2"), 2), token_items, "sum", 15, model.device, states
    )
    for numbers, scores in top.chunks(np.array([5, 2, 0, 3, 1, 4])):
        for number, row in zip(numbers, scores, strict=True):
            options = len(wanted[number])
            torch.testing.assert_close(row[:options], wanted[number], rtol=0, atol=1e-5)


def test_states_that_another_machine_rounded_serve_in_fp32(build, token_items):
    model = build("llama")
    wanted = all_scores(DecoderScorer(model, token_items, "sum", 1000, model.device))
    states = frozen_states(model, token_items, 2, 1000)
    rounded = States(states.values.bfloat16(), states.starts)
    top = TopDecoder(build("llama"), 2)
    found = all_scores(DecoderScorer(top, token_items, "sum", 1000, model.device, rounded))
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.02)


def test_states_of_a_row_by_hand():
    items = [TokenItem("a", (1, 2), ((3, 4), (5,))), TokenItem("b", (1, 8), ((3,), (9,)))]
    states = States(torch.arange(5.0)[:, None], np.array([0, 3]))
    (row,) = pack(items, 100)
    assert row.tokens.tolist() == [1, 2, 3, 8]
    # the shared first place comes from the last item that has it
    assert states.of(row, np.array([0, 1])).tolist() == [[[3.0], [1.0], [2.0], [4.0]]]


def test_more_layers_than_there_are(build, token_items):
    with pytest.raises(AnnobenchError, match=re.escape("found 4; allowed: 1 to 3")):
        TopDecoder(build("llama"), 4)
    with pytest.raises(AnnobenchError, match=re.escape("found 4; allowed: 1 to 3")):
        frozen_states(build("llama"), token_items, 4, 1000)


def test_a_model_without_one_stack_of_layers(build):
    model = build("llama")
    model.other = torch.nn.ModuleList([torch.nn.Linear(1, 1) for _ in range(3)])
    with pytest.raises(AnnobenchError, match="'llama': 2 stacks of 3 layers found"):
        layer_stack(model)
