import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench.errors import AnnobenchError
from annobench.percentages import read, request, written

FEELINGS = ("negative", "neutral", "positive")
SAID = [0.7, 0.2, 0.1]
OBJECT = '{"negative":70,"neutral":20,"positive":10}'

LENIENT = [
    OBJECT,
    "[70,20,10]",
    "[0.7, 0.2, 0.1]",
    "[7e1, 2.0E+1, +10.]",
    '{"positive": 10, "negative": 70, "neutral": 20}',
    '{" NEGATIVE": 70, "Neutral ": 20, "posi tive": 10}',
    '{"negative": 0.7, "neutral": .2, "positive": 0.1}',
    f"Sure! Here it is: {OBJECT} I hope it's right.",
    f"I don't know, it's: {OBJECT}",
    f"```json\n{OBJECT}\n```",
    '```json\n{"negative":70,"neutral":20,"positive":10\n```',
    '{"negative": "70%", "neutral": "20 %", "positive": " 10% "}',
    '{"negative": 70%, "neutral": 20%, "positive": 10 %}',
    '["70", "20", "10"]',
    "{'negative': 70, 'neutral': 20, 'positive': 10}",
    '{"negative": 70, "neutral": 20, "positive": 10,}',
    "[70, 20, 10, ]",
    '{"negative": 70, "neutral": 20, "positive": 10',
    '{"negative": 70, "neutral": 20, "positive": 10,\n',
    "[70, 20, 10",
    f'{{"percentages": {OBJECT}}}',
    f'{{"percentages": {OBJECT}',
    f'{{"percentages": {OBJECT[:-1]}',
    '{"percentages": [70, 20, 10]}',
    f'{{"percentages": {OBJECT}, because they are',
    "[sic] [70,20,10]",
    "[70,20,10] [10,20,70]",
    "{ or so: [70,20,10]",
    '{"\\u006eegative": 70, "neutral": 20, "positive": 10}',
    '{"negative": 63, "neutral": 18, "positive": 9}',
    '{"negative": 84, "neutral": 24, "positive": 12}',
]
STRICT = [
    "",
    "[60,30,1",
    '{"negative":60,"neutral":30,"positive":1',
    "[1%,0%,0%]",
    "[0.5%,0.3%,0.2%]",
    "70, 20, 10",
    "negative: 70, neutral: 20, positive: 10",
    "{}",
    "[]",
    "[70, 30]",
    "[70, 20, 10, 0]",
    "[70 20 10]",
    "[,70,20,10]",
    "[70,,20,10]",
    "[70:20,10]",
    "[70, 20, 10}",
    "[[70, 20, 10]]",
    "[70, [20], 10]",
    '{"negative": 70, "neutral": 30}',
    '{"negative": 70, "neutral": 20, "positive": 10, "other": 0}',
    '{"negative": 70, "neutral": 20, "joyful": 10}',
    '{"negative": 70, "neutral": 20, "positive": 5, "positive": 5}',
    '{"negative": 70, "neutral": 20, "positive": 5, "Positive": 5}',
    '{"negative": 70, "neutral": 20, "positive": NaN}',
    "[100, 0, NaN]",
    '["nan", "100", "0"]',
    "[Infinity, 0, 0]",
    "[1e999, 0, 0]",
    "[true, false, false]",
    "[1, 0, null]",
    '["seventy", 20, 10]',
    '{"negative": {"share": 70}, "neutral": 20, "positive": 10}',
    '{"negative": 70, "neutral": 20, "posi',
    f'{{"answer": {OBJECT}, "why": "so"}}',
    f'{{"a": {{"b": {OBJECT}}}}}',
    "[1] [70,20,10]",  # the first one counts
    "[0, 0, 0]",
    "[-70, -20, -10]",
    "[50, 20, 9]",
    "[80, 30, 11]",
    "[0.5, 0.2, 0.09]",
    "[0.8, 0.3, 0.11]",
    "[700, 200, 100]",
    "[1, 1, 1]",
    "[7, 2, 1]",
]

NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True)
FORMS = st.sampled_from(["object", "list"])


@st.composite
def asked(draw):
    """Options with a distribution over them."""
    options = draw(NAMES)
    size = {"min_size": len(options), "max_size": len(options)}
    counts = draw(st.lists(st.integers(0, 50), **size).filter(any))
    return options, [count / sum(counts) for count in counts]


@pytest.mark.parametrize("text", LENIENT)
def test_how_it_is_written_down_does_no_harm(text):
    assert read(text, FEELINGS) == pytest.approx(SAID)


@pytest.mark.parametrize("text", STRICT)
def test_what_is_no_distribution_is_not_read(text):
    assert read(text, FEELINGS) is None


def test_negative_numbers_count_as_0():
    assert read("[90, -20, 10]", FEELINGS) == pytest.approx([0.9, 0, 0.1])


def test_options_that_differ_in_case_only_are_told_apart():
    assert read('{"us":30,"US":70}', ("US", "us")) == [0.7, 0.3]
    assert read('{"Us":30,"uS":70}', ("US", "us")) is None


@pytest.mark.parametrize(
    ("distribution", "percentages"),
    [
        ([1, 0, 0], [100, 0, 0]),
        ([1 / 3, 1 / 3, 1 / 3], [34, 33, 33]),
        ([0.145, 0.355, 0.5], [15, 35, 50]),
        ([0.29, 0.71, 0], [29, 71, 0]),
        ([0.006, 0.006, 0.988], [1, 0, 99]),
    ],
)
def test_percentages_are_rounded_by_the_largest_remainder(distribution, percentages):
    assert json.loads(written(distribution, FEELINGS, "list")) == percentages


def test_forms():
    assert written(SAID, FEELINGS, "object") == OBJECT
    assert written(SAID, FEELINGS, "list") == "[70,20,10]"
    assert request(FEELINGS, "object") == (
        "Imagine 100 people answer this. How many choose each option? "
        'Reply with JSON only: {"negative":..,"neutral":..,"positive":..}'
    )
    assert request(FEELINGS, "list") == (
        "Imagine 100 people answer this. How many choose each option? "
        "Reply with a JSON list of percentages only: [negative, neutral, positive]"
    )


def test_a_request_is_no_answer():
    assert read(request(FEELINGS, "object"), FEELINGS) is None
    assert read(request(FEELINGS, "list"), FEELINGS) is None


def test_equal_options_have_no_object():
    with pytest.raises(AnnobenchError, match="two equal options"):
        written([0.5, 0.5], ["a", "a"], "object")


@given(asked(), FORMS)
def test_what_is_written_is_read(case, form):
    options, distribution = case
    text = written(distribution, options, form)
    whole = json.loads(text)
    assert sum(whole.values() if form == "object" else whole) == 100
    assert read(text, options) == pytest.approx(distribution, abs=0.01 + 1e-9)
    assert read(f"So: {text}.", options) == read(text, options)


@given(asked(), st.randoms())
def test_permuted_options_permute_what_is_read(case, random):
    options, distribution = case
    text = written(distribution, options, "object")
    order = random.sample(range(len(options)), len(options))
    straight = read(text, options)
    assert read(text, [options[k] for k in order]) == [straight[k] for k in order]


PIECES = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    '"',
    "'",
    "\\",
    "-",
    ".",
    "%",
    " ",
    "`",
    "1",
    "70",
    "e",
    "a",
]
PIECES += ['"a"', '"b"', '"a":', "nan", "Infinity", "true", "null", "\ud800", "\n", "1e999", "٣"]
GARBAGE = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@given(GARBAGE, st.sampled_from([("a", "b"), ("a",), ("1", "70"), ()]))
def test_garbage_is_read_as_nothing_or_as_a_distribution(text, options):
    found = read(text, options)
    if found is not None:
        assert len(found) == len(options)
        assert min(found) >= 0
        assert sum(found) == pytest.approx(1)


LONG = [
    "[",
    "]",
    "{",
    '{"a":',
    '{"a":{',
    "[1,",
    "['\"",
    '"\\"',
    '["\\"',
    "[ ",
    "9",
    "[[1]",
    "[1],",
    "` ",
]


@pytest.mark.parametrize("piece", LONG)
def test_long_texts_take_linear_time(piece):
    for text in (piece * 20_000, f"['{piece * 20_000}', x"):
        start = time.process_time()
        read(text, ("a", "b"))
        assert time.process_time() - start < 2
