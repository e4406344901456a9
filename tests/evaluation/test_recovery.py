"""The table of recovery, from simulated comparisons."""

import numpy as np
import pandas as pd
import pytest

from annobench import registry, seeds, tables
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.recovery import ASSUMED, measure
from annobench.evaluation.study import evaluate

USERS, EACH, MU = 60, 30, 0.8
KINDS = registry.kinds("attentiveness")


def drawn(**items) -> tuple[Crowd, pd.DataFrame]:
    """Half of the users are attentive and choose by gold, which is by the stronger model in `MU`
    of all pairs; the others toss a coin."""
    rng = seeds.generator("recovery")
    pairs = USERS * EACH
    name = np.char.add("u", np.arange(USERS).astype(str))
    gold = rng.permutation((np.arange(pairs) >= MU * pairs).astype(int))
    user = rng.permutation(np.repeat(np.arange(USERS), EACH))
    label = np.where(user % 2 == 0, gold, rng.integers(0, 2, pairs))
    frame = pd.DataFrame(
        {
            "item": [f"p{n}" for n in range(pairs)],
            "task": "chat",
            "split": "train",
            "prompt": "?",
            "options": [["x", "y"]] * pairs,
            "gold": pd.array(gold, "Int64"),
            "distribution": None,
            "answers": None,
            "sources": [["big", "small"]] * pairs,
            "scores": np.where(gold[:, None] == [0, 1], 2.0, 0.0).tolist(),
        }
    ).assign(**items)
    first = rng.integers(0, 2, pairs)
    given = {"item": frame["item"], "label": label, "annotator": name[user], "first": first}
    true = {"annotator": name, "task": "chat", "expertise": (np.arange(USERS) + 1.0) % 2}
    labels = pd.DataFrame(given).assign(text=None, corrupted=None)
    return Crowd("chat", "users", 0, labels, pd.DataFrame(true).assign(accuracy=0.7)), frame


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    crowd, items = drawn()
    test = items.iloc[:1].assign(item="t", split="test")
    return evaluate([], {"chat": pd.concat([items, test])}, [crowd]).recovery


def test_each_estimator_sees_more_and_more(rows):
    own = rows[rows["mu"].isna()]
    for kind in KINDS:
        assert own.loc[own["estimator"] == kind, "comparisons"].tolist() == [2, 5, 10, 20, EACH]
    assert (rows["users"] == USERS).all()
    assert (rows["share_true"] == 0.5).all()
    assert rows["mu_true"].to_numpy() == pytest.approx(MU)
    at_most = own[own["comparisons"] == EACH]
    assert (at_most[["precision", "recall", "auc"]] > 0.85).all(axis=None)
    assert at_most["mu_found"].to_numpy() == pytest.approx(MU, abs=0.05)
    assert (at_most["mae"] < 0.25).all()


def test_mu_is_swept_at_all_comparisons(rows):
    swept = rows[rows["mu"].notna()]
    assert (swept["comparisons"] == EACH).all()
    for kind in KINDS:
        mine = swept[swept["estimator"] == kind]
        assert mine["mu"].tolist() == sorted({*ASSUMED, MU})
        assert mine["mu_found"].tolist() == mine["mu"].tolist()
        # the smaller mu is assumed to be, the more users pass for attentive
        assert mine["share"].iloc[0] > mine["share"].iloc[-1] + 0.2
    assert len(rows) == len(KINDS) * (5 + len(ASSUMED))


def test_one_model_twice_is_refused_or_no_better_than_chance(monkeypatch):
    monkeypatch.setattr("annobench.evaluation.recovery.COMPARISONS", ())
    crowd, items = drawn()
    rng = seeds.generator("control")
    gold = rng.permutation(np.arange(len(items)) % 2)
    crowd.annotations["label"] = np.where(
        crowd.annotations["annotator"].isin(crowd.truth.query("expertise == 1")["annotator"]),
        gold,
        rng.integers(0, 2, len(items)),
    )
    items = items.assign(gold=pd.array(gold, "Int64"), sources=[["big", "big"]] * len(items))
    found = tables.frame(measure(crowd, items), tables.RECOVERY)
    own = found[found["mu"].isna()]
    assert own["reason"].str.contains("not identifiable").all()
    assert own[["share", "precision", "auc"]].isna().all(axis=None)
    true = found[found["mu"] == found["mu_true"]]
    assert set(true["mu_true"]) == {0.5}
    assert true["reason"].str.contains("above 0.5").all()
    wrong = found[found["auc"].notna()]
    assert (wrong["auc"] - 0.5).abs().max() < 0.2


def test_without_names_of_models_the_scores_tell_mu():
    crowd, items = drawn(sources=None)
    found = tables.frame(measure(crowd, items), tables.RECOVERY)
    assert found[["mu", "mu_true", "mu_found"]].isna().all(axis=None)
    at_most = found[found["comparisons"] == EACH]
    assert at_most["estimator"].tolist() == list(KINDS)
    assert (at_most["auc"] > 0.9).all()


def test_only_comparisons_of_training_pairs_by_known_users_count():
    crowd, items = drawn(sources=None)
    assert measure(crowd, items.assign(split="test")) == []
    assert measure(crowd, items.assign(scores=None)) == []
    nobody = Crowd("chat", "users", 0, crowd.annotations, tables.empty(tables.TRUTH))
    assert measure(nobody, items) == []
    some = crowd.truth[crowd.truth["annotator"].isin(["u0", "u1", "u2"])]
    known = Crowd("chat", "users", 0, crowd.annotations, some)
    assert {(row["users"], row["share_true"]) for row in measure(known, items)} == {(3, 2 / 3)}
