import numpy as np
import pandas as pd
import pytest

from annobench.methods import Given
from annobench.neighbours import neighbours

ITEMS = pd.DataFrame(
    {"item": list("abcd"), "prompt": [f"{name} ?" for name in "abcd"], "options": [["x", "y"]] * 4}
)
AMONG = ITEMS.iloc[[0, 0, 1, 2]].assign(given=["x", "y", "y", "x"])


@pytest.fixture
def given():
    """At 0, 10, 30 and 22 degrees."""
    angle = np.radians([0, 10, 30, 22])
    vectors = np.column_stack([np.cos(angle), np.sin(angle)])
    return Given(ITEMS, embeddings=pd.DataFrame(vectors, index=list("abcd")))


def shown(given, items, k):
    return [
        [(example.prompt[0], example.answer) for example in row]
        for row in neighbours(given, items, AMONG, k)
    ]


def test_an_item_is_never_its_own_example_and_comes_once(given):
    assert shown(given, ITEMS, 2) == [
        [("c", "x"), ("b", "y")],
        [("c", "x"), ("a", "x")],
        [("a", "x"), ("b", "y")],
        [("b", "y"), ("c", "x")],
    ]


def test_what_there_is_if_k_is_larger(given, caplog):
    assert shown(given, ITEMS.iloc[[3]], 9) == [[("a", "x"), ("b", "y"), ("c", "x")]]
    assert "k: found 9; only 3 labelled items can be shown" in caplog.text


def test_none_to_show_says_so(given):
    with pytest.raises(ValueError, match="no labelled item to show"):
        neighbours(given, ITEMS, AMONG.iloc[:0], 1)
