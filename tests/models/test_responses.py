import pytest

from annobench.models.loading import load_tokenizer
from annobench.models.responses import pair_tokens, request_tokens

TEMPLATE = "Question: {prompt} Answer:"
CHAT = "{% for m in messages %}{{ m.role }}: {{ m.content }} . {% endfor %}"
CHAT += "{% if add_generation_prompt %}blue{% endif %}"


@pytest.fixture
def chatty(saved):
    """A tokenizer of turns."""
    tokenizer = load_tokenizer(saved("llama"))
    tokenizer.chat_template = CHAT
    return tokenizer


def read(tokenizer, tokens):
    return tokenizer.convert_ids_to_tokens(list(tokens))


def test_a_prompt_stands_in_the_template(tokenizer):
    found = read(tokenizer, request_tokens(tokenizer, "which ?", TEMPLATE, False))
    assert found == ["Question", ":", "which", "?", "Answer", ":"]


def test_a_chat_has_a_template_of_its_own(chatty):
    found = read(chatty, request_tokens(chatty, "which ?", TEMPLATE, False))
    assert found == ["<unk>", ":", "which", "?", ".", "blue"]


@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_the_end_of_the_text_stands_behind_each_response(tokenizer, encoder_decoder):
    texts = ("the cat .", "dog")
    found = pair_tokens(tokenizer, "q", "which ?", texts, TEMPLATE, encoder_decoder)
    assert found.item == "q"
    assert found.prompt == request_tokens(tokenizer, "which ?", TEMPLATE, encoder_decoder)
    assert [read(tokenizer, own) for own in found.options] == [
        ["the", "cat", ".", "</s>"],
        ["dog", "</s>"],
    ]


@pytest.mark.parametrize("chat", [False, True])
def test_a_space_stands_between_a_template_and_a_response(chat):
    """And none behind the turn of a chat."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters = {letter: number for number, letter in enumerate(["</s>", " ", "a", "b", ":", "?"])}
    words = Tokenizer(models.BPE(letters, []))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>")
    tokenizer.chat_template = "{{ messages[0].content }}:" if chat else None
    found = pair_tokens(tokenizer, "q", "b?", ("a b", "b"), "{prompt}:", False)
    assert read(tokenizer, found.prompt) == ["b", "?", ":"]
    space = [] if chat else [" "]
    assert read(tokenizer, found.options[0]) == [*space, "a", " ", "b", "</s>"]
    assert read(tokenizer, found.options[1]) == [*space, "b", "</s>"]


def test_a_tokenizer_without_an_end(saved):
    tokenizer = load_tokenizer(saved("llama"))
    tokenizer.eos_token = None
    found = pair_tokens(tokenizer, "q", "which ?", ("cat", "dog"), TEMPLATE, False)
    assert [read(tokenizer, own) for own in found.options] == [["cat"], ["dog"]]
