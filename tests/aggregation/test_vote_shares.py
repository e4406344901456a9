import pandas as pd

from annobench.aggregation import vote_shares


def test_hand_worked_shares():
    annotations = pd.DataFrame({"item": list("baaab"), "label": [1, 0, 2, 2, 0], "annotator": None})
    found = vote_shares.posterior(annotations, pd.Series({"a": 4, "b": 2}))
    assert dict(zip(found["item"], found["distribution"], strict=True)) == {
        "a": [1 / 3, 0, 2 / 3, 0],
        "b": [0.5, 0.5],
    }
