import pandas as pd
import pytest

from annobench.aggregation import majority
from annobench.errors import AnnobenchError


def votes(text, annotator=True):
    """ "x: 0 0 1" on each line: item x got the labels 0, 0 and 1."""
    rows = []
    for line in text.strip().splitlines():
        item, labels = line.split(":")
        rows += [(item.strip(), int(y), f"a{n}") for n, y in enumerate(labels.split())]
    frame = pd.DataFrame(rows, columns=["item", "label", "annotator"])
    return frame if annotator else frame.assign(annotator=None)


@pytest.mark.parametrize("annotator", [True, False])
def test_hand_worked_votes(annotator):
    annotations = votes("c: 3 3 0\nb: 0 1\na: 1\nd: 2 0 2 0 1", annotator)
    options = pd.Series({"a": 2, "b": 3, "c": 4, "d": 3, "never-labelled": 5})
    found = majority.posterior(annotations, options)
    assert found.columns.tolist() == ["item", "distribution"]
    assert dict(zip(found["item"], found["distribution"], strict=True)) == {
        "a": [0, 1],
        "b": [0.5, 0.5, 0],
        "c": [0, 0, 0, 1],
        "d": [0.5, 0, 0.5],
    }
    assert found["item"].tolist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize(("label", "item"), [(2, "a"), (-1, "a"), (0, "unheard-of")])
def test_a_label_that_is_no_option_of_its_item(label, item):
    annotations = votes("b: 0 1 2")
    annotations.loc[1, ["item", "label"]] = [item, label]
    with pytest.raises(AnnobenchError, match=f"item '{item}': found label {label};"):
        majority.posterior(annotations, pd.Series({"a": 2, "b": 3}))
