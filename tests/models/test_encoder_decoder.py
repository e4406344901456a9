import numpy as np
import pytest
import torch

from annobench.models.encoder_decoder import EncoderDecoderScorer
from annobench.models.tokens import TokenItem

CONFIGS = {
    "t5": {},
    "flan-t5": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
}
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
    model = build("t5", **CONFIGS[config])
    scorer = EncoderDecoderScorer(model, items, score, row_tokens, model.device)
    seen = []
    for numbers, scores in scorer.chunks(np.arange(len(items))):
        for number, row in zip(numbers, scores, strict=True):
            options = len(items[number].options)
            wanted = one_by_one(model, items[number], score)
            torch.testing.assert_close(row[:options], wanted, rtol=0, atol=1e-4)
            assert row[options:].eq(-torch.inf).all()
            seen.append(number)
    assert seen == list(range(len(items)))


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


def test_a_padded_batch_keeps_to_row_tokens(build):
    model = build("t5")
    items = [TokenItem(str(n), (5,) * n, ((10,), (11,))) for n in (2, 3, 4, 9, 2, 1)]
    scorer = EncoderDecoderScorer(model, items, "sum", 8, model.device)
    chunks = [chosen.tolist() for chosen, _ in scorer.chunks(np.arange(6))]
    assert chunks == [[0, 1], [2], [3], [4, 5]]


def test_gradients_reach_encoder_and_decoder(build):
    model = build("t5")
    scorer = EncoderDecoderScorer(model, TEXTS, "sum", 1000, model.device)
    ((_, scores),) = scorer.chunks(np.arange(len(TEXTS)))
    scores.log_softmax(-1)[:, 0].sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
