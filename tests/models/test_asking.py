import numpy as np
import pandas as pd
import pytest
import torch

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.models.asking import Asker, turn, understood
from annobench.models.decoder import plain_scores
from annobench.models.loading import load_model, load_tokenizer
from annobench.models.settings import Full, Model, Views
from annobench.models.tokens import tokenize
from annobench.models.tuning import load_scorer
from annobench.parsing import text_said
from annobench.questions import Example, Question
from annobench.stages.encode import tokens_of
from annobench.stages.predictions import predict_items, prediction_frame
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
BRIEF = Views(new_tokens=6, side_by_side=2)
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
def test_a_bare_question_is_answered_as_a_cell_without_training_does(
    saved, items, family, score, answer
):
    one = asker(saved(family), score=score, answer=answer)
    bare = [Question(r.item, r.prompt, tuple(r.options)) for r in items.itertuples()]
    found = one.ask(bare, "score")
    tokens = tokens_of(items, one.folder, one.model)
    scorer = load_scorer(one.folder, one.model, tokens, None, 64, torch.device("cpu"))
    wanted = prediction_frame(items, predict_items(scorer, items, "fp32"))
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
        likeliest = following.argsort(descending=True)
        ends = not said and likeliest[0] == tokenizer.eos_token_id
        token = int(likeliest[1 if ends else 0])
        if token == tokenizer.eos_token_id:
            break
        said.append(token)
        log_p.append(following[token].item())
    return text_said(f"Answer: {tokenizer.decode(said, skip_special_tokens=True)}"), log_p


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
        assert row.text == text or (pd.isna(row.text) and text is None)
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


def test_a_question_longer_than_the_window(saved):
    long = Question("long", "which " * 140, ("ball", "box"))
    with pytest.raises(AnnobenchError, match=r"found 14\d tokens; allowed: 128 at most"):
        asker(saved("llama")).ask([long], "score")


@pytest.mark.usefixtures("in_bf16")
@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_is_close_to_fp32(saved, family):
    """In both backends; sampled texts may part where a draw is near a border."""
    exact, rounded = (
        asker(saved(family), BRIEF, Training(precision=precision, row_tokens=64))
        for precision in ("fp32", "bf16")
    )
    one, other = (a.ask(QUESTIONS, "score") for a in (exact, rounded))
    for p, q in zip(one["probabilities"], other["probabilities"], strict=True):
        np.testing.assert_allclose(p, q, atol=0.1)
    assert (one["nll"] != other["nll"]).any()
    assert rounded.ask(FREE + QUESTIONS, "generate")["said"].notna().all()
    one, other = (a.ask(FREE, "score")["nll"] for a in (exact, rounded))
    assert one.mean() == pytest.approx(other.mean(), rel=0.2)


# Backend generate


CHAT = (
    "{% for m in messages %}red {{ m['content'] }} green {% endfor %}"
    "{% if add_generation_prompt %}blue{% endif %}"
)


@pytest.fixture
def chatty(saved, tmp_path):
    """The folder of a model that talks in turns."""
    load_model(saved("llama")).save_pretrained(tmp_path)
    tokenizer = load_tokenizer(saved("llama"))
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("family", FAMILIES)
def test_sampled_texts_depend_on_the_stream_and_the_question_alone(saved, tmp_path, family):
    """Not on the global random state, the other questions, their order or the batches."""
    one = asker(saved(family), BRIEF)
    torch.manual_seed(0)
    found = stored(one.ask(QUESTIONS + FREE, "generate"), tmp_path)
    state = torch.random.get_rng_state()
    wide = asker(saved(family), BRIEF.model_copy(update={"side_by_side": 32}))
    backwards = wide.ask([*FREE[::-1], *QUESTIONS[1:]], "generate")
    assert torch.equal(torch.random.get_rng_state(), state)
    same = [7, 6, 5, 4, 1, 2, 0]  # what came twice comes once, and says what it said first
    assert backwards["said"].tolist() == found["said"][same].tolist()
    np.testing.assert_allclose(backwards["nll"].astype(float), found["nll"][same], atol=1e-4)
    assert found["nll"][0] != pytest.approx(found["nll"][3], abs=1e-3)
    other = Asker(one.folder, one.model, BRIEF, FP32, ("other",)).ask(FREE, "generate")
    assert other["nll"].tolist() != pytest.approx(found["nll"][4:].tolist(), abs=1e-3)


def test_temperature(saved):
    """Nearly 0 says what is likeliest."""
    cold = asker(saved("llama"), BRIEF.model_copy(update={"temperature": 1e-6}))
    cold, warm = (one.ask(FREE, "generate") for one in (cold, asker(saved("llama"), BRIEF)))
    likeliest = asker(saved("llama"), Views(answer_tokens=6)).ask(FREE, "score")
    spoke = cold["said"] != ""
    assert spoke.any()
    np.testing.assert_allclose(cold["nll"][spoke], likeliest["nll"][spoke], atol=1e-4)
    assert warm["nll"].mean() > cold["nll"].mean()


@pytest.mark.parametrize("folder", ["base", "chat"])
def test_what_cannot_be_read_is_null_and_counted(saved, chatty, tmp_path, caplog, folder):
    caplog.set_level("INFO")
    one = asker(chatty if folder == "chat" else saved("llama"), BRIEF)
    found = one.ask(QUESTIONS * 5 + FREE, "generate")
    unread = int((found["answer"].isna() & found["text"].isna()).sum())
    assert 0 < unread < 24
    assert "24 questions to llama (generate)" in caplog.text
    assert f"{unread} answers could not be read" in caplog.text


def test_a_turn_of_a_chat():
    model = Model(source="path:any", answer="letter")
    assert turn(QUESTIONS[2], model) == (
        'Question: which ?\nA. cat\nB. dog\n\nEnd your reply with the line "Answer: <letter>".'
    )
    assert turn(FREE[1], model).endswith(
        'which ?\n\nEnd your reply with the line "Answer: <answer>".'
    )


def test_a_chat_template_surrounds_the_turn(saved, chatty):
    """So the same question draws the same, and says something else."""
    plain, chat = (
        asker(folder, BRIEF).ask(FREE, "generate") for folder in (saved("llama"), chatty)
    )
    assert plain["nll"].tolist() != pytest.approx(chat["nll"].tolist(), abs=1e-3)


THREE = QUESTIONS[0]


@pytest.mark.parametrize(
    ("said", "question", "answer", "chat", "wanted"),
    [
        (" a dark box\nBecause the door is not red.", THREE, "text", False, 1),
        (" a dark box\nBecause the door is not red.", THREE, "text", True, None),
        (" B\nor A", THREE, "letter", False, 1),
        ("A door is red.\nThe ball is not.\nAnswer: dark box", THREE, "text", True, 1),
        ("ball or door", THREE, "text", False, None),
        ("", THREE, "letter", True, None),
        (" two\nand no more", FREE[0], "text", False, "two"),
        (" two\nand no more", FREE[0], "text", True, None),
        ("One and one.\nAnswer: two", FREE[0], "letter", True, "two"),
        ("", FREE[0], "text", False, None),
    ],
)
def test_what_is_understood(said, question, answer, chat, wanted):
    """A text behind "Answer:" is read from its first line on, a reply from its last "Answer:"."""
    key = "answer" if question.options else "text"
    model = Model(source="path:any", answer=answer)
    assert understood(said, question, model, chat) == {key: wanted}


# Responses

PAIRS = pd.DataFrame({"item": ["a", "b", "c", "d"], "prompt": [free.prompt for free in FREE]})
WORDY = Views(response_tokens=7, side_by_side=3)


@pytest.fixture
def other(build, tokenizer, tmp_path):
    """other(family): the folder of another model."""

    def save(family):
        model = build(family)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(0.8)
        model.save_pretrained(tmp_path / family)
        tokenizer.save_pretrained(tmp_path / family)
        return tmp_path / family

    return save


@pytest.mark.parametrize("family", FAMILIES)
def test_a_response_depends_on_its_item_alone(saved, family):
    one = asker(saved(family), WORDY)
    found = one.responses(PAIRS)
    fewer = asker(saved(family), WORDY.model_copy(update={"side_by_side": 1}))
    assert [said.tokens for said in fewer.responses(PAIRS[::-1])] == [
        said.tokens for said in found[::-1]
    ]
    renamed = PAIRS.assign(item=["e", "f", "g", "h"])
    assert [said.tokens for said in one.responses(renamed)] != [said.tokens for said in found]
    twice = PAIRS.assign(prompt="which ?")
    assert len({said.tokens for said in one.responses(twice)}) > 1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_likelihood_of_own_responses_is_what_they_were_drawn_with(saved, family):
    """The end of the text counts with them, where a response has come to it."""
    one = asker(saved(family), WORDY)
    said = one.responses(PAIRS)
    found = one.log_likelihoods(PAIRS, said)
    whole = np.array([len(own.tokens) == len(own.log_p) for own in said])
    drawn = np.array([sum(own.log_p) for own in said])
    np.testing.assert_allclose(found[whole], drawn[whole], atol=1e-4)
    assert (found[~whole] < drawn[~whole]).all()


def test_the_likelihood_is_a_sum_whatever_the_score(saved):
    said = asker(saved("llama"), WORDY).responses(PAIRS)
    sums, means = (
        asker(saved("llama"), WORDY, score=score).log_likelihoods(PAIRS, said)
        for score in ("sum", "mean")
    )
    assert sums.tolist() == means.tolist()


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@torch.no_grad()
def test_the_likelihood_of_anothers_responses(saved, other, temperature):
    """At the temperature that both write at."""
    views = WORDY.model_copy(update={"temperature": temperature})
    said = asker(other("llama"), views).responses(PAIRS)
    one = asker(saved("llama"), views)
    found = one.log_likelihoods(PAIRS, said)
    model, tokenizer = load_model(one.folder).eval(), load_tokenizer(one.folder)
    for log_p, own, prompt in zip(found, said, PAIRS["prompt"], strict=True):
        start = tokenizer(f"Question: {prompt}\nAnswer:").input_ids
        tokens = torch.tensor([[*start, *own.tokens]])
        logits = model(tokens).logits[0, len(start) - 1 : -1]
        following = (logits / temperature).log_softmax(-1)
        wanted = following.gather(1, tokens[0, len(start) :, None]).sum().item()
        assert log_p == pytest.approx(wanted, abs=1e-4)


def test_no_items_have_no_responses(saved):
    one = asker(saved("llama"), WORDY)
    assert one.responses(PAIRS[:0]) == []
    assert one.log_likelihoods(PAIRS[:0], []).shape == (0,)
