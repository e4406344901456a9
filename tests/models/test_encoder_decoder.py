import numpy as np
import pytest
import torch

from annobench.models.encoder_decoder import CPU_PADDING, EncoderDecoderScorer
from annobench.models.tokens import TokenItem

FLAN = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
CONFIGS = {"t5": ("t5", {}), "flan-t5": ("t5", FLAN), "mt5": ("mt5", {}), "bart": ("bart", {})}
LETTERS = [
    TokenItem("four", (5, 6, 7, 8, 1), ((10,), (11,), (12,), (13,))),
    TokenItem("two", (5, 6, 1), ((10,), (11,))),
    TokenItem("long", tuple(range(20, 35)), ((10,), (11,), (12,), (13,), (14,))),
    TokenItem("three", (9, 1), ((10,), (11,), (12,))),
]
TEXTS = [
    TokenItem("prefixes", (5, 6, 7, 1), ((10, 11), (10, 11, 12), (10,))),
    TokenItem("two", (5, 1), ((10, 11, 12, 13), (14,))),
    TokenItem("letters", (9, 8, 7, 6, 5, 1), ((10,), (11,), (12,))),
    TokenItem("alike", (5, 6, 7, 1), ((10, 11), (10, 12), (13,), (14, 10, 11))),
]
ROW_TOKENS = [1, 12, 1000]


def one_by_one(model, item, score):
    """The reference: one encoder and one decoder run per option, no padding."""
    scores = []
    for option in item.options:
        start = model.config.decoder_start_token_id
        output = model(
            input_ids=torch.tensor([item.prompt]),
            decoder_input_ids=torch.tensor([[start, *option[:-1]]]),
        )
        log_p = output.logits[0].log_softmax(-1)[range(len(option)), list(option)]
        scores.append(log_p.sum() if score == "sum" else log_p.mean())
    return torch.stack(scores)


@pytest.mark.parametrize("row_tokens", ROW_TOKENS)
@pytest.mark.parametrize("score", ["sum", "mean"])
@pytest.mark.parametrize("items", [LETTERS, TEXTS, LETTERS + TEXTS], ids=["letters", "text", "mix"])
@pytest.mark.parametrize("config", CONFIGS)
@torch.no_grad()
def test_scores_are_those_of_one_option_at_a_time(build, config, items, score, row_tokens):
    family, changes = CONFIGS[config]
    model = build(family, **changes)
    scorer = EncoderDecoderScorer(model, items, score, row_tokens, model.device)
    seen = []
    for numbers, scores in scorer.chunks(np.arange(len(items))):
        for number, row in zip(numbers, scores, strict=True):
            options = len(items[number].options)
            wanted = one_by_one(model, items[number], score)
            torch.testing.assert_close(row[:options], wanted, rtol=0, atol=1e-4)
            assert row[options:].eq(-torch.inf).all()
            seen.append(number)
    assert sorted(seen) == list(range(len(items)))


@pytest.mark.parametrize(("items", "steps"), [(LETTERS, 1), (TEXTS, 4)], ids=["letters", "text"])
@torch.no_grad()
def test_an_item_is_encoded_once_and_a_letter_is_one_step(build, items, steps):
    model = build("t5")
    encoded, decoded = [], []
    model.get_encoder().register_forward_hook(
        lambda module, args, kwargs, output: encoded.append(tuple(kwargs["input_ids"].shape)),
        with_kwargs=True,
    )
    model.get_decoder().register_forward_hook(
        lambda module, args, kwargs, output: decoded.append(tuple(kwargs["input_ids"].shape)),
        with_kwargs=True,
    )
    scorer = EncoderDecoderScorer(model, items, "sum", 1000, model.device)
    assert len(list(scorer.chunks(np.arange(len(items))))) == 1
    assert encoded == [(len(items), max(len(item.prompt) for item in items))]
    texts = len(items) if steps == 1 else sum(len(item.options) for item in items)
    assert decoded == [(texts, steps)]


def test_a_padded_batch_keeps_to_row_tokens_and_holds_items_of_like_length(build):
    model = build("t5")
    items = [TokenItem(str(n), (5,) * n, ((10,), (11,))) for n in (2, 3, 4, 9, 2, 1)]
    scorer = EncoderDecoderScorer(model, items, "sum", 8, model.device)
    chunks = [chosen.tolist() for chosen, _ in scorer.chunks(np.arange(6))]
    assert chunks == [[3], [2, 1], [0, 4, 5]]


@pytest.mark.parametrize(("items", "share"), [(16, 0.4), (400, 0.15)])
def test_long_items_do_not_pad_short_ones(build, items, share):
    """Random lengths in random order, in steps of 16 items or all at once as for predictions."""
    lengths = np.minimum(np.random.default_rng(0).lognormal(4, 0.6, 400).astype(int) + 1, 500)
    texts = [TokenItem(str(n), (5,) * n, ((10,), (11,))) for n in lengths]
    scorer = EncoderDecoderScorer(build("t5"), texts, "sum", 4096, torch.device("cpu"))
    scorer._scores = lambda chunk: torch.zeros(len(chunk), 2)  # only the cut is looked at
    chunks = [
        lengths[chosen]
        for step in np.split(np.arange(400), 400 // items)
        for chosen, _ in scorer.chunks(step)
    ]
    assert sum(map(sum, chunks)) == lengths.sum()
    assert all(chunk.max() * len(chunk) <= 4096 for chunk in chunks)
    assert all(chunk.max() * len(chunk) - chunk.sum() <= CPU_PADDING for chunk in chunks)
    padded = sum(chunk.max() * len(chunk) for chunk in chunks)
    assert 1 - lengths.sum() / padded < share


def test_bf16_is_close_to_fp32(build):
    model = build("t5", **FLAN)
    scorer = EncoderDecoderScorer(model, LETTERS, "sum", 1000, model.device)
    ((_, exact),) = scorer.chunks(np.arange(4))
    with torch.autocast("cpu", torch.bfloat16):
        ((_, rounded),) = scorer.chunks(np.arange(4))
    there = exact.isfinite()
    assert rounded.dtype == torch.float32
    error = (rounded[there].detach() - exact[there].detach()).norm() / exact[there].norm()
    assert 0 < error < 0.02


@pytest.mark.parametrize("config", CONFIGS)
def test_gradients_reach_encoder_and_decoder(build, config):
    family, changes = CONFIGS[config]
    model = build(family, **changes)
    scorer = EncoderDecoderScorer(model, TEXTS, "sum", 1000, model.device)
    ((_, scores),) = scorer.chunks(np.arange(len(TEXTS)))
    scores.log_softmax(-1)[:, 0].sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_on_a_gpu_only_row_tokens_end_a_batch(build):
    """Twenty items, the longest of 401 tokens and the rest of 4: much padding, one pass."""
    items = [TokenItem(str(n), (5,) * n, ((10,), (11,))) for n in [4] * 19 + [401]]
    cut = {}
    for device in ("cpu", "cuda"):
        scorer = EncoderDecoderScorer(build("t5"), items, "sum", 10_000, torch.device(device))
        scorer._scores = lambda chunk: torch.zeros(len(chunk), 2)  # only the cut is looked at
        cut[device] = [len(chosen) for chosen, _ in scorer.chunks(np.arange(20))]
    assert cut == {"cpu": [2, 18], "cuda": [20]}
