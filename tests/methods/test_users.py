import pandas as pd

from annobench.methods import Given, dpo_users, users


def test_it_keeps_and_says_what_dpo_users_does_and_trains_nothing():
    pairs = pd.DataFrame(
        {
            "item": ["x", "y"],
            "task": "any",
            "options": [["a", "b"]] * 2,
            "sources": [["strong", "weak"]] * 2,
            "scores": None,
        }
    )
    annotations = pd.DataFrame(
        {
            "item": ["x", "y", "x", "y"],
            "label": [0, 0, 0, 1],
            "annotator": ["bob", "bob", "ann", "ann"],
        }
    )
    given = Given(pairs, annotations)
    settings = users.Settings(users={"kind": "continuous", "mu": 0.9})
    found = users.targets(given, settings)
    assert found["kept"].tolist() == [True, True, False, False]
    assert users.expertise(given, found, {}, settings)["expertise"].tolist() == [0, 1]
    assert users.targets is dpo_users.targets
    assert not users.NEEDS.training
    assert not hasattr(users, "loss")
