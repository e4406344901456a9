import pandas as pd
import pytest

from annobench import tables
from annobench.evaluation.agreement import Agreement, Known, Truth
from annobench.evaluation.cells import CellResult, agreements
from annobench.evaluation.filters import measures

ETA = {"ann": 1.0, "bob": 0.5, "cat": 0.4, "dan": 0.0}
LEARNED = {"ann": 0.9, "bob": 0.3, "cat": 0.3, "dan": 0.1}


def truth(eta=ETA) -> pd.DataFrame:
    frame = pd.DataFrame({"annotator": list(eta), "expertise": list(eta.values())})
    return frame.assign(task="geo", accuracy=0.5)


def annotators(learned=LEARNED) -> pd.DataFrame:
    frame = pd.DataFrame({"annotator": list(learned), "expertise": list(learned.values())})
    return frame.assign(task="all", annotations=2)


def targets(kept, users=tuple(ETA)) -> pd.DataFrame:
    """Two comparisons of each user; of those kept the second."""
    rows = pd.DataFrame(
        {"annotator": [*users] * 2, "kept": [False] * 4 + [u in kept for u in users]}
    )
    return rows.assign(
        item=[f"p{n}" for n in range(8)],
        distribution=[[1.0, 0.0]] * 8,
        weight=1.0,
        reason="",
        text=None,
        suspicion=None,
        nll=None,
    )


def test_by_hand():
    found = measures(targets(["ann", "cat", "dan"]), annotators(), truth())
    assert found == {
        "attentiveness-mae": Agreement(pytest.approx((0.1 + 0.2 + 0.1 + 0.1) / 4), 4),
        "filter-auc": Agreement(pytest.approx((2 + 0.5 + 1) / 4), 4),
        "filter-precision": Agreement(pytest.approx(1 / 3), 3),
        "filter-recall": Agreement(0.5, 2),
    }


def test_attentiveness_of_several_tasks_is_their_mean():
    again = truth(dict.fromkeys(ETA, 0.0)).assign(task="sport")
    found = measures(targets(["ann", "bob"]), None, pd.concat([truth(), again]))
    assert found == {"filter-precision": Agreement(0.5, 2), "filter-recall": Agreement(1.0, 1)}


def test_what_is_not_defined_has_a_reason():
    nobody = measures(targets([]), annotators(), truth(dict.fromkeys(ETA, 0.2)))
    assert nobody["filter-precision"] == Agreement(None, 0, "no user was kept")
    assert nobody["filter-recall"] == Agreement(None, 0, "no user is attentive")
    assert nobody["filter-auc"] == Agreement(None, 4, "no user is attentive")
    everyone = measures(None, annotators(), truth(dict.fromkeys(ETA, 0.5)))
    assert everyone["filter-auc"] == Agreement(None, 4, "every user is attentive")


def test_users_whose_truth_is_not_known_are_left_out():
    known = truth({"ann": 1.0, "eve": 0.0})
    found = measures(targets(["ann", "bob"]), annotators(), known)
    assert found["filter-precision"] == Agreement(1.0, 1)
    assert found["attentiveness-mae"].n == 1
    assert measures(targets(["ann"]), annotators(), tables.empty(tables.TRUTH)) == {}
    unsigned = targets(["ann"]).assign(annotator=None)
    assert measures(unsigned, None, truth()) == {}


def test_only_pairs_of_responses_have_users():
    items = pd.DataFrame(
        {
            "item": [f"p{n}" for n in range(8)],
            "task": "geo",
            "split": "train",
            "options": [["x", "y"]] * 8,
            "gold": 0,
            "answers": None,
            "sources": [["big", "small"]] * 8,
            "scores": None,
        }
    )
    cell = CellResult(
        "geo", "m", "dpo-users", "users", 0, "ok", targets=targets(["ann"]), annotators=annotators()
    )
    found = agreements(cell, Known(items), Truth(truth()))
    assert found["target-accuracy"].value == 1
    new = {"attentiveness-mae", "filter-auc", "filter-precision", "filter-recall"}
    assert new < set(found)
    assert (
        set(agreements(cell, Known(items.assign(sources=None)), Truth(truth()))) == set(found) - new
    )
    older = items.drop(columns=["sources", "scores"])
    assert set(agreements(cell, Known(older), Truth(truth()))) == set(found) - new
