"""The real small model: does it mean what we think it means?"""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from annobench.data import geo
from annobench.models.asking import Asker
from annobench.models.decoder import DecoderScorer, plain_scores
from annobench.models.loading import load_model
from annobench.models.settings import Model, Views
from annobench.questions import Question
from annobench.stages.encode import tokens_of
from annobench.training.loop import predict
from annobench.training.settings import Training


@pytest.fixture(scope="module")
def questions():
    items = geo.items("geo", geo.Settings(train=1, test=100))
    return items[items["split"] == "test"].reset_index(drop=True)


@pytest.fixture(scope="module")
def scorer(smollm2, questions):
    tokens = tokens_of(questions, smollm2, Model(source="path:."))
    model = load_model(smollm2)
    return DecoderScorer(model, tokens, "sum", 1024, torch.device("cpu"))


@torch.no_grad()
def test_packed_scores_are_the_plain_ones(scorer):
    ((numbers, packed),) = scorer.chunks(np.arange(8))
    for number, scores in zip(numbers, packed, strict=True):
        plain = plain_scores(scorer.model, scorer.items[number], "sum")
        torch.testing.assert_close(scores, plain, rtol=0, atol=1e-3)


def test_it_knows_some_geography(scorer, questions):
    """One in four would be right by chance."""
    guesses = predict(scorer, np.arange(len(questions)), 4, "fp32").argmax(-1)
    assert np.mean(guesses.numpy() == questions["gold"]) > 0.45


@torch.no_grad()
def test_it_goes_on_as_it_should(smollm2):
    tokens = AutoTokenizer.from_pretrained(smollm2)
    ids = tokens("The capital of France is", return_tensors="pt").input_ids
    following = AutoModelForCausalLM.from_pretrained(smollm2)(ids).logits[0, -1].argmax()
    assert tokens.decode(following) == " Paris"


def test_it_writes_answers(smollm2):
    """Free text, one line greedily; and sampled, in its own turn of a chat."""
    views = Views(new_tokens=30, temperature=0.3)
    training = Training(precision="fp32")
    asker = Asker(smollm2, Model(source="path:."), views, training, ("real",))
    asked = [
        Question(country, f"What is the capital city of {country}?", ())
        for country in ("France", "Italy", "Japan")
    ]
    cities = ["Paris", "Rome", "Tokyo"]
    for backend in ("score", "generate"):
        found = asker.ask(asked, backend)
        assert sum(c in str(text) for c, text in zip(cities, found["text"], strict=True)) >= 2
        assert found["nll"].between(0, 3).all()
