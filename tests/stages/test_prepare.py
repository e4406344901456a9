"""Items that cannot be used are refused before anything is drawn or trained."""

from pathlib import Path

import pandas as pd
import pytest

from annobench.data import comparisons, geo_pairs
from annobench.errors import AnnobenchError
from annobench.stages.prepare import prepare, refuse

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


PAIR = {
    "path": str(Path(__file__).parents[1] / "data" / "comparisons.csv"),
    "responses": str(Path(__file__).parents[1] / "data" / "responses.csv"),
}


def test_pairs_come_as_their_kind_makes_them():
    found = prepare("mine", "comparisons", comparisons.Settings(**PAIR))
    assert found.equals(comparisons.items("mine", comparisons.Settings(**PAIR)))


def test_a_reward_model_has_the_last_word():
    """But of what another model said of them nothing is taken."""
    settings = comparisons.Settings(**PAIR, reward_model={"source": "path:judge"})
    items = comparisons.items("mine", settings)
    rows = items.explode("options").assign(option=[0, 1] * len(items))
    said = pd.DataFrame(
        {
            "item": rows["item"],
            "option": rows["option"],
            "source": "path:judge",
            "text": rows["options"],
            "score": [1.0, 2.0] * len(items),
        }
    )
    others = said.assign(source="path:other", score=9.0)
    found = prepare("mine", "comparisons", settings, None, pd.concat([others, said]))
    assert found["gold"].tolist() == [1] * len(items)
    assert found["scores"].tolist() == [[1.0, 2.0]] * len(items)


def test_pairs_of_one_model_are_refused():
    def made(control):
        settings = geo_pairs.Settings(
            tasks=("capital",),
            train=3,
            test=2,
            stronger={"source": "path:big"},
            weaker={"source": "path:big"},
            control=True,
        )
        asked = geo_pairs.prompts("mine", settings)
        rows = [
            {"item": item, "option": option, "source": "path:big", "text": text, "score": 0.0}
            for item in asked["item"]
            for option, text in enumerate(("yes", "no"))
        ]
        settings = settings.model_copy(update={"control": control})
        return prepare("mine", "geo-pairs", settings, None, pd.DataFrame(rows))

    assert len(made(True)) == 5
    with pytest.raises(AnnobenchError, match="found responses of 'path:big' on both sides"):
        made(False)
