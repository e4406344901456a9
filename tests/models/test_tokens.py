from string import ascii_letters, ascii_uppercase

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from annobench.errors import AnnobenchError
from annobench.models.settings import Model
from annobench.models.tokens import TokenItem, tokenize, written
from annobench.questions import Example, Question

SENTENCES = [
    "Question: which city is the capital?\nAnswer: Paris",
    "Question: which city is the largest?\nAnswer: Parma",
    "Question: which city is the smallest?\nAnswer: Park city",
] * 5


def trained(pre_tokenizer=None, special=("<s>", "</s>"), template=None):
    """A byte-pair tokenizer trained on `SENTENCES`; without a pre-tokenizer it merges anything."""
    words = Tokenizer(models.BPE())
    if pre_tokenizer is not None:
        words.pre_tokenizer = pre_tokenizer
        words.decoder = decoders.ByteLevel()
    alphabet = sorted(set("".join(SENTENCES) + "ABCDE."))
    words.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(
            vocab_size=70,
            special_tokens=list(special),
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    if template:
        words.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[(s, words.token_to_id(s)) for s in special]
        )
    return PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>")


@pytest.fixture(scope="module")
def merging():
    return trained()


def model(**settings):
    return Model(source="any", **settings)


def test_a_letter_prompt_lists_the_options():
    found = written(
        Question("q", "which?", ("a cat", "a dog")),
        model(answer="letter", template="Q: {prompt}\nA:"),
    )
    assert found == ("Q: which?\nA. a cat\nB. a dog\nA:", ["A", "B"])
    assert written(Question("q", "which?", ("a cat", "a dog")), model(template="{prompt}!")) == (
        "which?!",
        ["a cat", "a dog"],
    )


def test_words_by_hand(tokenizer):
    item = tokenize(
        tokenizer, Question("q", "which one is red ?", ("ball", "dark box")), model(), False
    )
    ids = tokenizer.convert_tokens_to_ids
    assert item == TokenItem(
        "q",
        tuple(ids(["Question", ":", "which", "one", "is", "red", "?", "Answer", ":"])),
        (tuple(ids(["ball"])), tuple(ids(["dark", "box"]))),
    )


def test_letters_by_hand(tokenizer):
    letters = model(answer="letter")
    item = tokenize(
        tokenizer, Question("q", "which one ?", ("ball", "box", "wall")), letters, False
    )
    assert tokenizer.decode(item.prompt) == (
        "Question : which one ? A . ball B . box C . wall Answer :"
    )
    assert [tokenizer.decode(option) for option in item.options] == ["A", "B", "C"]


def test_a_merge_across_the_boundary_belongs_to_the_answer(merging):
    """The tokenizer joins ":" with what follows, so the prompt's last token is not shared."""
    before = "Question: which city is the capital?\nAnswer:"
    alone = merging(before).input_ids
    item = tokenize(
        merging,
        Question("q", "which city is the capital?", ("Paris", "Parma", "Rome")),
        model(),
        False,
    )
    assert len(item.prompt) < len(alone)
    assert item.prompt == tuple(alone[: len(item.prompt)])
    for option, answer in zip(item.options, ["Paris", "Parma", "Rome"], strict=True):
        assert [*item.prompt, *option] == merging(f"{before} {answer}").input_ids
    assert not merging.decode(item.options[0]).startswith(" ")


BYTE_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False)


@pytest.mark.parametrize(
    ("pre_tokenizer", "template"),
    [
        (None, None),
        (None, "<s> $A </s>"),
        (BYTE_LEVEL, None),
        (BYTE_LEVEL, "<s> $A"),
        (BYTE_LEVEL, "$A </s>"),
    ],
)
@pytest.mark.parametrize("prompt", ["which city is the capital?", "is it P", ""])
@pytest.mark.parametrize(
    "options", [["Paris", "Parma", "Park city"], ["P", "Pa", "Par"], ["city is", "city"]]
)
def test_prompt_and_option_are_the_tokens_of_the_joint_text(
    pre_tokenizer, template, prompt, options
):
    """As the model would read them, without the tokenizer's closing token."""
    words = trained(pre_tokenizer, template=template)
    item = tokenize(words, Question("q", prompt, tuple(options)), model(), False)
    for option, answer in zip(item.options, options, strict=True):
        joint = words(f"Question: {prompt}\nAnswer: {answer}").input_ids
        if template and template.endswith("</s>"):
            assert joint.pop() == words.eos_token_id
        assert [*item.prompt, *option] == joint
    if template and template.startswith("<s>"):
        assert item.prompt[0] == words.bos_token_id


def test_a_prompt_that_is_only_the_beginning_token(merging):
    """A beginning token that is also the end token, as GPT-2's, is not taken for an ending."""
    words = trained(BYTE_LEVEL, template="</s> $A")
    item = tokenize(words, Question("q", "", ("Paris", "Parma")), model(template="{prompt}"), False)
    assert item.prompt[0] == words.eos_token_id


def test_an_encoder_decoder_reads_the_prompt_and_writes_the_answer():
    words = trained(BYTE_LEVEL, template="$A </s>")
    item = tokenize(words, Question("q", "which city?", ("Paris", "Park city")), model(), True)
    assert list(item.prompt) == words("Question: which city?\nAnswer:").input_ids
    assert item.prompt[-1] == words.eos_token_id
    assert [words.decode(option) for option in item.options] == ["Paris", "Park city"]
    letters = tokenize(
        words, Question("q", "which?", ("Paris", "Rome")), model(answer="letter"), True
    )
    assert [words.decode(option) for option in letters.options] == ["A", "B"]


def test_a_letter_is_one_token_of_a_sentencepiece_vocabulary():
    """As T5's: a word's first token carries the space before it, also at the text's start."""
    pieces = [f"▁{letter}" for letter in ascii_uppercase] + list("▁" + ascii_letters + ":.?")
    scores = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    scores += [(piece, -2.0 - 0.01 * rank) for rank, piece in enumerate(pieces)]
    words = Tokenizer(models.Unigram(scores, unk_id=2))
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    words.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    words = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", unk_token="<unk>")
    options = [f"option {n}" for n in range(26)]
    item = tokenize(words, Question("q", "which?", tuple(options)), model(answer="letter"), True)
    assert item.options == tuple((words.convert_tokens_to_ids(f"▁{c}"),) for c in ascii_uppercase)
    assert item.prompt[-1] == words.eos_token_id


@pytest.mark.parametrize("encoder_decoder", [False, True])
@pytest.mark.parametrize("options", [["ball", "ball "], ["ball", ""], ["ball", " "]])
def test_options_that_do_not_differ_as_tokens(tokenizer, options, encoder_decoder):
    with pytest.raises(AnnobenchError, match=r"item 'q7': options .* do not differ as tokens"):
        tokenize(tokenizer, Question("q7", "which ?", tuple(options)), model(), encoder_decoder)


@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_equal_options_share_their_tokens(tokenizer, encoder_decoder):
    """OpenBookQA and MMLU have such items."""
    options = ["ball", "cat", "ball"]
    item = tokenize(tokenizer, Question("q", "which ?", tuple(options)), model(), encoder_decoder)
    assert item.options[0] == item.options[2] != item.options[1]


def test_equal_texts_are_no_trouble_for_letters(tokenizer):
    item = tokenize(
        tokenizer, Question("q", "which ?", ("ball", "ball")), model(answer="letter"), False
    )
    assert len(set(item.options)) == 2


@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_a_prompt_without_a_token(tokenizer, encoder_decoder):
    with pytest.raises(AnnobenchError, match="item 'q7': its prompt has no token"):
        tokenize(
            tokenizer,
            Question("q7", "", ("red", "blue")),
            model(template="{prompt}"),
            encoder_decoder,
        )


def test_more_options_than_letters(tokenizer):
    options = [f"number {n}" for n in range(27)]
    with pytest.raises(AnnobenchError, match="27 options found; allowed: 26"):
        tokenize(
            tokenizer, Question("q7", "which ?", tuple(options)), model(answer="letter"), False
        )


FEW_SHOT = Question(
    "q",
    "which is blue?",
    ("door", "wall"),
    instruction="Look at the light.",
    examples=(Example("which is red?", ("ball", "box"), "box"), Example("how many?", (), "two")),
    hints="The wall is green.",
)


@pytest.mark.parametrize(
    ("answer", "listed", "text"),
    [
        (
            "text",
            False,
            (
                "Look at the light.\n\nQ: which is red?\nA: box\n\nQ: how many?\nA: two\n\n"
                "Q: which is blue?\nThe wall is green.\nA:"
            ),
        ),
        (
            "text",
            True,
            (
                "Look at the light.\n\nQ: which is red?\n- ball\n- box\nA: box\n\n"
                "Q: how many?\nA: two\n\nQ: which is blue?\n- door\n- wall\nThe wall is green.\nA:"
            ),
        ),
        (
            "letter",
            False,
            (
                "Look at the light.\n\nQ: which is red?\nA. ball\nB. box\nA: B\n\n"
                "Q: how many?\nA: two\n\nQ: which is blue?\nA. door\nB. wall\n"
                "The wall is green.\nA:"
            ),
        ),
    ],
)
def test_a_question_with_examples_and_hints(answer, listed, text):
    settings = model(answer=answer, template="Q: {prompt}\nA:")
    answers = ["door", "wall"] if answer == "text" else ["A", "B"]
    assert written(FEW_SHOT, settings, listed) == (text, answers)


def test_free_text_has_no_answers_to_choose_from():
    assert written(Question("q", "how many?", ()), model(answer="letter")) == (
        "Question: how many?\nAnswer:",
        [],
    )
