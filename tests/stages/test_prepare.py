"""Items that cannot be used are refused before anything is drawn or trained."""

import pandas as pd
import pytest

from annobench.errors import AnnobenchError
from annobench.stages.prepare import refuse

FREE = {"options": [[], []], "gold": [None, None]}
TWO = {"options": [["a", "b"]] * 2, "gold": [0, 1], "answers": None}
PEOPLE = TWO | {
    "gold": [0, None],
    "labels": [[0, 0, 1], None],
    "annotators": [["ann", "bob", "cleo"], None],
    "distribution": [[2 / 3, 1 / 3], None],
}


def items(**columns):
    return pd.DataFrame({"item": ["q", "r"]} | columns)


@pytest.mark.parametrize("columns", [TWO, FREE | {"answers": [["3"], ["Ada", "Bob"]]}, PEOPLE])
def test_items_of_one_kind_pass(columns):
    refuse("mine", items(**columns))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (FREE | {"answers": [["3"], None]}, "'r': found answers None; allowed without options: at"),
        (FREE | {"answers": [["3"], []]}, r"found answers \[\]; allowed without options"),
        (FREE | {"answers": [["3"], ["4", " "]]}, "none of them empty"),
        (
            {"options": [["a", "b"], []], "gold": [0, None], "answers": [None, ["3"]]},
            "no options of item 'r', but some of 'q'; allowed: options of all items, or of none",
        ),
        (TWO | {"gold": [0, 9]}, "'r': gold 9 found; allowed: 0 to 1"),
        (TWO | {"item": ["q", "q"]}, "item 'q' found twice"),
        (
            TWO | {"labels": [[0], [1, 2]]},
            r"'r': found labels \[1, 2\]; allowed: numbers from 0 to 1",
        ),
        (
            TWO | {"labels": [[0], [1, 1]], "annotators": [["ann"], ["ann"]]},
            "'r': found 1 annotators; allowed: one for each label",
        ),
        (
            TWO | {"distribution": [None, [0.5, 0.25]]},
            r"'r': found distribution \[0.5, 0.25\]; allowed: 2 shares, one for each op",
        ),
        (TWO | {"distribution": [[1.0], None]}, r"'q': found distribution .* allowed: 2 shares"),
        (TWO | {"distribution": [[1.5, -0.5], None]}, "'q': found distribution"),
    ],
)
def test_items_that_are_refused(columns, said):
    with pytest.raises(AnnobenchError, match=said) as caught:
        refuse("mine", items(**columns))
    assert str(caught.value).startswith("datasets.mine: ")
    assert len(str(caught.value).splitlines()) == 1
