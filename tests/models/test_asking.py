import numpy as np
import pandas as pd
import pytest
import torch

from annobench import tables
from annobench.models.asking import Asker
from annobench.models.decoder import plain_scores
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.settings import Full, Model, Views
from annobench.models.tokens import tokenize
from annobench.questions import Example, Question
from annobench.stages.encode import tokens_of
from annobench.stages.view import base
from annobench.training.settings import Training

FP32 = Training(precision="fp32", row_tokens=64)
FAMILIES = ["llama", "gpt2", "t5"]
FEW_SHOT = Question(
    "shown",
    "which is blue ?",
    ("door", "dark wall"),
    instruction="the colour of one is :",
    examples=(Example("which is red ?", ("ball", "box"), "box"),),
    hints="the light is green .",
)
QUESTIONS = [
    Question("a", "which one is red ?", ("ball", "dark box", "door")),
    FEW_SHOT,
    Question("b", "which ?", ("cat", "dog")),
    Question("a", "which one is red ?", ("ball", "dark box", "door")),
]
FREE = [
    Question("f1", "which colour is the ball ?", ()),
    Question("f2", "which ?", ()),
    Question("f3", "the box is red . the door is blue . which one is the dog ?", ()),
    Question("f4", "the cat ?", ()),
]


def asker(folder, views=Views(), training=FP32, **settings):  # noqa: B008  # it is frozen
    model = Model(source="path:tiny", tune=Full(), **settings)
    return Asker(folder, model, views, training, ("tiny",))


def stored(frame, tmp_path):
    """As it comes back from a file, which checks the schema."""
    tables.write(tmp_path / "view.parquet", frame, tables.VIEW)
    return tables.read(tmp_path / "view.parquet", tables.VIEW)


# Backend score


@pytest.mark.parametrize("answer", ["text", "letter"])
@pytest.mark.parametrize("score", ["sum", "mean"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_bare_question_is_answered_as_the_base_view_does(saved, items, family, score, answer):
    one = asker(saved(family), score=score, answer=answer)
    bare = [Question(r.item, r.prompt, tuple(r.options)) for r in items.itertuples()]
    found = one.ask(bare, "score")
    tokens = tokens_of(items, one.folder, one.model)
    wanted = base(items, tokens, None, one.folder, one.model, FP32)
    assert found["item"].tolist() == items["item"].tolist()
    for ours, theirs in zip(found["probabilities"], wanted["probabilities"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("score", ["sum", "mean"])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
@torch.no_grad()
def test_probabilities_and_nll_are_those_of_plain_scores(saved, tmp_path, family, score):
    """Also where a prompt has examples and hints, and the same question comes twice."""
    one = asker(saved(family), score=score)
    found = stored(one.ask(QUESTIONS, "score"), tmp_path)
    model, tokenizer = load_model(one.folder).eval(), load_tokenizer(one.folder)
    for row, question in zip(found.itertuples(), QUESTIONS, strict=True):
        item = tokenize(tokenizer, question, one.model, False)
        scores = plain_scores(model, item, score)
        np.testing.assert_allclose(row.probabilities, scores.softmax(-1), atol=1e-5)
        assert row.answer == scores.argmax()
        nll = -plain_scores(model, item, "mean")[row.answer]
        assert row.nll == pytest.approx(nll.item(), abs=1e-4)
    assert found["item"].tolist() == ["a", "shown", "b", "a"]
    assert found["nll"][0] == pytest.approx(found["nll"][3], abs=1e-5)
    assert found["text"].isna().all()
    assert found["said"].isna().all()


def greedy(model, tokenizer, prompt, most):
    """The reference: the whole text is read again for each new token."""
    start = [] if not model.config.is_encoder_decoder else [model.config.decoder_start_token_id]
    said, log_p = [], []
    for _ in range(most):
        if model.config.is_encoder_decoder:
            inputs = {"input_ids": torch.tensor([prompt])}
            inputs["decoder_input_ids"] = torch.tensor([start + said])
        else:
            inputs = {"input_ids": torch.tensor([[*prompt, *said]])}
        following = model(**inputs).logits[0, -1].log_softmax(-1)
        token = int(following.argmax())
        if token == tokenizer.eos_token_id:
            break
        said.append(token)
        log_p.append(following[token].item())
    return tokenizer.decode(said, skip_special_tokens=True).strip(), log_p


@pytest.mark.parametrize("side_by_side", [1, 3])
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_free_text_is_the_likeliest_token_after_token(saved, tmp_path, family, side_by_side):
    """Whatever stands beside it: neither batches nor padding change texts or their likelihood."""
    one = asker(saved(family), Views(answer_tokens=7, side_by_side=side_by_side))
    found = stored(one.ask(FREE, "score"), tmp_path)
    model, tokenizer = load_model(one.folder).eval(), load_tokenizer(one.folder)
    for row, question in zip(found.itertuples(), FREE, strict=True):
        prompt = tokenizer(f"Question: {question.prompt}\nAnswer:").input_ids
        text, log_p = greedy(model, tokenizer, prompt, 7)
        assert row.text == (text or None) or (pd.isna(row.text) and not text)
        assert row.nll == pytest.approx(-np.mean(log_p), abs=1e-4)
    assert found["nll"].round(2).nunique() > 1
    assert found["answer"].isna().all()


def test_both_kinds_of_questions_keep_their_order(saved):
    one = asker(saved("llama"), Views(answer_tokens=3))
    mixed = one.ask([FREE[0], QUESTIONS[0], FREE[1]], "score")
    assert mixed["item"].tolist() == ["f1", "a", "f2"]
    assert mixed["answer"].notna().tolist() == [False, True, False]
    assert mixed["nll"][0] == pytest.approx(one.ask([FREE[0]], "score")["nll"][0])


@pytest.mark.parametrize("backend", ["score", "generate"])
def test_no_questions(saved, tmp_path, backend):
    assert stored(asker(saved("llama")).ask([], backend), tmp_path).empty
