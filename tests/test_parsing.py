import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench.parsing import option_said, text_said

COLOURS = ("red", "dark blue", "blue", "green")
CITIES = ("Paris", "Rome", "Washington, D.C.", "Washington")
AFRICA = ("Niger", "Nigeria", "Mali")
YES = ("yes", "no", "maybe")

LETTERED = [
    ("A", COLOURS, 0),
    ("B.", COLOURS, 1),
    ("(C)", COLOURS, 2),
    ("**D**", COLOURS, 3),
    ("c", COLOURS, 2),
    ("Answer: <B>", COLOURS, 1),
    ("Answer: A.", COLOURS, 0),
    ("**Answer:** (B)", COLOURS, 1),
    ("The answer is C", COLOURS, 2),
    ("The correct answer is: **D. green**", COLOURS, 3),
    ("Final answer: $\\boxed{B}$", COLOURS, 1),
    ("A. red", COLOURS, 0),
    ("B) dark blue, as the sky at night", COLOURS, 1),
    ("C - blue", COLOURS, 2),
    ("Option D", COLOURS, 3),
    ("I would choose option B here.", COLOURS, 1),
    ("I'd go with B.", COLOURS, 1),
    ("I think it's C", COLOURS, 2),
    ("B is correct because red is warm", COLOURS, 1),
    ("B because red is warm", COLOURS, 1),
    ("The correct option is (B) dark blue", COLOURS, 1),
    ("**Answer: B. dark blue**\n\nExplanation: red is not it.", COLOURS, 1),
    ("(A) is too bright.\n(C) is not.\nAnswer: C", COLOURS, 2),
    ("Answer: A\nWait, that is wrong.\nAnswer: B", COLOURS, 1),
    ("Let me think.\n\nSo it must be\n**D**", COLOURS, 3),
    ("Answer:\n\nB", COLOURS, 1),
    ("The answer is dark blue.", COLOURS, 1),
    ("green", COLOURS, 3),
    # what cannot be read
    ("", COLOURS, None),
    ("Answer:", COLOURS, None),
    ("E", COLOURS, None),
    ("The answer is not A", COLOURS, None),
    ("Either (A) or (B)", COLOURS, None),
    ("A. blue", COLOURS, None),
    ("A\n\nB", COLOURS, None),
    ("I do not know.", COLOURS, None),
    ("Answer: A or B", COLOURS, None),
    ("A: red\nB: dark blue\nC: blue\nD: green", COLOURS, None),
    ("The answer cannot be determined", COLOURS, None),
    # articles, contradictions and negations
    ("It is A green one, B says", COLOURS, 3),
    ("A dog", ("a cat", "a dog"), 1),
    ("A good guess is the cat", ("a dog", "the cat"), 1),
    ("I think that vitamin C helps", COLOURS, None),
    ("It is not (A) but (B).", COLOURS, 1),
    ("B. Neither red nor blue will do", COLOURS, 1),
]
IN_WORDS = [
    ("Paris", CITIES, 0),
    (" paris.", CITIES, 0),
    ("PARIS!", CITIES, 0),
    ("Answer: Rome", CITIES, 1),
    ("The answer is Rome, which lies in Italy.", CITIES, 1),
    ("Rome, not Paris", CITIES, 1),
    ("It is Rome rather than Paris.", CITIES, 1),
    ("It isn't Paris, so Rome", CITIES, 1),
    ("Washington, D.C. is the capital", CITIES, 2),
    ("washington dc", CITIES, 2),
    ("Washington", CITIES, 3),
    ("It lies in Nigeria.", AFRICA, 1),
    ("It lies in Niger.", AFRICA, 0),
    ("Niger or Nigeria", AFRICA, None),
    ("It is dark blue", COLOURS, 1),
    ("It is blue, a dark blue", COLOURS, None),
    ("Answer: blue\nbecause red is not", COLOURS, 2),
    ("Red is warm.\nSo I say: green", COLOURS, None),
    ("Yes.", YES, 0),
    ("No, it does not.", YES, 1),
    ("Answer: No", YES, 1),
    ("The answer is maybe", YES, 2),
    ("Answer: Yes, but no one knows", YES, 0),
    ("There is no doubt: maybe", YES, None),
    ("The sentiment is not red, it's green.", COLOURS, 3),
    ("yes and no", YES, None),
    ("not Paris", CITIES, None),
    ("B", CITIES, None),
    ("-5", ("5", "-5"), 1),
    ("-5, I think", ("5", "-5"), 1),
    ("about 3.5 metres", ("3", "3.5", "5"), 1),
    ("3.5 metres", ("3", "3.5", "5"), 1),
    ("It costs $5.", ("$5", "$6"), 0),
    ("1,000 of them", ("1", "1,000"), 1),
    ("the answer is: yes", ("the answer is: yes", "yes"), 0),
]


@pytest.mark.parametrize(("text", "options", "wanted"), LETTERED)
def test_options_by_letter(text, options, wanted):
    assert option_said(text, options, letters=True) == wanted


@pytest.mark.parametrize(("text", "options", "wanted"), IN_WORDS)
def test_options_in_words(text, options, wanted):
    assert option_said(text, options, letters=False) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("42", "42"),
        (" 42. ", "42"),
        ("Answer: 42", "42"),
        ("Answer: <42>", "42"),
        ("The answer is **42**.", "42"),
        ("Six and seven.\nAnswer: 42\nQuestion: what", "42"),
        ("Answer: 41\nNo.\nAnswer: 42", "42"),
        ('Answer: "New York"', "New York"),
        ("Answer:\n3 July 1776", "3 July 1776"),
        ("Answer: **$5.2 million**", "$5.2 million"),
        ("$\\boxed{42}$", "42"),
        ("snake_case", "snake_case"),
        ("U.S.", "U.S."),
        ("", None),
        ("\n \n", None),
        ("Answer: ", None),
        ("First I count.\nThen I add.", None),
    ],
)
def test_free_text(text, wanted):
    assert text_said(text) == wanted


words = st.text(
    st.characters(categories=["Lu", "Ll", "Nd", "Zs", "Po"]), min_size=1, max_size=12
).filter(str.strip)


@given(st.lists(words, min_size=1, max_size=5, unique_by=lambda s: s.strip()), st.data())
def test_an_options_own_text_is_that_option(options, data):
    wanted = data.draw(st.integers(0, len(options) - 1))
    assert option_said(options[wanted], options, letters=False) == wanted
    assert option_said(f"  {options[wanted]}\n", options, letters=False) == wanted


@given(st.text(), st.lists(st.text(), max_size=4), st.booleans())
def test_any_text_can_be_read(text, options, letters):
    found = option_said(text, options, letters)
    assert found is None or 0 <= found < len(options)
    assert text_said(text) != ""


@given(st.integers(0, 25), st.sampled_from(["{}", "({})", "{}.", "Answer: {}", "**{}**"]))
def test_a_letter_is_its_option(number, form):
    options = [f"number {n}" for n in range(26)]
    letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number]
    assert option_said(form.format(letter), options, letters=True) == number
