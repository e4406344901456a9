import numpy as np
import pandas as pd

from annobench.aggregation.dawid_skene import posterior
from annobench.methods import Given, dawid_skene
from annobench.targets import option_counts

SETTINGS = dawid_skene.Settings()


def test_targets_are_the_posterior(few, labels, as_dicts):
    found = as_dicts(dawid_skene.targets(Given(few, labels), SETTINGS))
    wanted = posterior(labels, option_counts(few))
    assert [row["item"] for row in found] == ["x", "y"]
    assert [row["distribution"] for row in found] == [list(d) for d in wanted["distribution"]]
    assert {row["reason"] for row in found} == {"posterior"}


def test_the_one_who_disagrees_is_believed_less():
    """ann and bob agree on twelve items; dan says the opposite."""
    truth = [0, 1] * 6
    items = pd.DataFrame({"item": [f"q{n}" for n in range(12)], "options": [["a", "b"]] * 12})
    annotations = pd.DataFrame(
        [
            (f"q{n}", 1 - y if who == "dan" else y, who)
            for n, y in enumerate(truth)
            for who in ("bob", "dan", "ann")
        ],
        columns=["item", "label", "annotator"],
    )
    targets = dawid_skene.targets(Given(items, annotations), SETTINGS).set_index("item")
    chosen = [int(np.argmax(targets.loc[f"q{n}", "distribution"])) for n in range(12)]
    assert chosen == truth
    found = dawid_skene.expertise(Given(items, annotations), targets.reset_index(), {}, SETTINGS)
    assert list(found.index) == ["ann", "bob", "dan"]
    assert found["ann"] > 0.9
    assert found["dan"] < -0.9
