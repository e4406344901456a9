import pytest

from annobench.models.tokens import TokenItem


@pytest.fixture
def token_items():
    """Two to five options, unequal in number and length; options that begin alike, that are one
    another's prefix, that are equal or one token; prompts that share a beginning or are a token."""
    return [
        TokenItem("pair", (1, 2, 3, 4), ((5,), (6,))),
        TokenItem("prefixes", (1, 2, 3, 4, 7), ((5, 6), (5, 6, 7), (5, 8), (9,))),
        TokenItem("five", (1, 2, 9), ((10,), (11,), (12,), (13,), (14, 15, 16))),
        TokenItem("alone", tuple(range(20, 29)), ((1, 2, 3), (1, 2), (4, 5, 6, 7, 8, 9))),
        TokenItem("short", (1,), ((5, 6), (6, 5))),
        TokenItem("same prompt", (1, 2, 3, 4), ((6, 5), (5,), (30, 31, 32))),
        TokenItem("equal options", (1, 2, 8), ((6, 5), (7,), (6, 5))),
    ]
