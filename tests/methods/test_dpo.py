"""The loss of DPO and the targets of every kind of it, on a small crowd."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from annobench.errors import AnnobenchError
from annobench.methods import (
    Given,
    dpo,
    dpo_clean,
    dpo_items,
    dpo_oracle,
    dpo_random,
    dpo_smoothed,
    dpo_users,
)
from annobench.preferences import estimated
from annobench.registry import component
from annobench.training.loop import Objective
from annobench.training.rows import rows_of

KINDS = ["dpo", "dpo-clean", "dpo-items", "dpo-oracle", "dpo-random", "dpo-smoothed", "dpo-users"]
USERS = {"users": {"kind": "continuous", "mu": 0.75}}
"""eta = (k / n - 1/2) / (mu - 1/2), from 0 to 1."""


@pytest.fixture
def pairs():
    """Four pairs, of the last of which no response is the better one."""
    return pd.DataFrame(
        {
            "item": ["w", "x", "y", "z"],
            "task": "any",
            "split": "train",
            "prompt": "?",
            "options": [["a", "b"]] * 4,
            "gold": pd.array([0, 0, 1, None], dtype="Int64"),
            "sources": [["strong", "weak"]] * 4,
            "scores": None,
        }
    )


@pytest.fixture
def crowd(pairs):
    """ann chose the stronger model's response 3 times of 4, bob 2 and cat 5 of 8 times."""
    labels = {"ann": [0, 0, 1, 0], "bob": [1, 0, 1, 0], "cat": [0, 1, 0, 1, 0, 0, 1, 0]}
    rows = [
        (item, label, user, 0)
        for user, own in labels.items()
        for item, label in zip("wxyzwxyz", own, strict=False)
    ]
    annotations = pd.DataFrame(rows, columns=["item", "label", "annotator", "first"])
    truth = pd.DataFrame(
        {
            "annotator": ["ann", "bob", "cat"],
            "task": "any",
            "expertise": [0.9, 0.5, 0.2],
            "accuracy": 0.5,
        }
    )
    return Given(pairs, annotations, truth)


def loss(log_ratio, distribution, beta):
    rows = SimpleNamespace(distribution=torch.tensor(distribution, dtype=torch.float64))
    ratio = torch.tensor(log_ratio, dtype=torch.float64, requires_grad=True)
    return dpo.loss(ratio, rows, {}, dpo.Settings(beta=beta)), ratio


def test_the_loss_by_hand():
    """Margins 0.5 (3 - 1) = 1 and -1: - log sigmoid(1) is log(1 + 1/e)."""
    found, _ = loss([[3, 1], [3, 1], [2, 2]], [[1, 0], [0, 1], [1, 0]], 0.5)
    wanted = [np.log(1 + np.exp(-1)), np.log(1 + np.exp(1)), np.log(2)]
    assert found.tolist() == pytest.approx(wanted)


def test_the_smoothed_loss_is_the_mean_over_what_may_be_meant():
    eps = 0.2
    found, ratio = loss([[3, 1]], [[1 - eps, eps]], 0.5)
    wanted = (1 - eps) * np.log(1 + np.exp(-1)) + eps * np.log(1 + np.exp(1))
    assert found.tolist() == pytest.approx([wanted])
    found.sum().backward()
    slope = 0.5 * (1 / (1 + np.exp(-1)) - (1 - eps))
    assert ratio.grad.tolist()[0] == pytest.approx([slope, -slope])


def test_the_smoothed_loss_is_least_where_the_target_is():
    margin = 2 * np.log(0.7 / 0.3)
    _, ratio = found = loss([[margin, 0]], [[0.7, 0.3]], 0.5)
    found[0].sum().backward()
    assert ratio.grad.abs().max() < 1e-12


def test_log_ratios_are_to_the_reference(crowd, pairs):
    """What the loss gets is the score less the score before training, item by item."""
    settings = dpo.Settings(beta=0.5)
    rows = rows_of(dpo.targets(crowd, settings), pairs, crowd.annotators, crowd.tasks)
    start = torch.tensor([[-4.0, -2], [-1, -1], [-3, -9], [-7, -5]])
    objective = Objective(dpo, settings, crowd, rows, start)
    numbers = np.array([2, 0])
    own = rows.select(numbers)
    scores = start[numbers] + torch.tensor([[3.0, 1], [0, 0]])
    found = objective.row_losses(numbers, scores, own, {})
    chosen = own.distribution[own.item == 0].argmax(1)  # by ann, by bob, twice by cat
    assert chosen.tolist() == [1, 1, 0, 1]
    up, down = np.log(1 + np.exp(-1)), np.log(1 + np.exp(1))
    assert found[own.item == 0].tolist() == pytest.approx([down, down, up, down])
    assert found[own.item == 1].tolist() == pytest.approx([np.log(2)] * 4)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_but_targets_and_expertise_is_dpos(kind):
    method = component("methods", kind)
    for name in ("loss", "parameters", "learning_rate", "weights"):
        assert getattr(method, name) is getattr(dpo, name)
    assert method.NEEDS.preferences
    assert method.NEEDS.softmax == "vocabulary"


def test_dpo_believes_everyone(crowd, written):
    found = written(dpo.targets(crowd, dpo.Settings()))
    assert len(found) == 16
    assert found["kept"].all()
    assert found["reason"].eq("comparison").all()
    assert found["annotator"].value_counts().to_dict() == {"cat": 8, "ann": 4, "bob": 4}
    labels = [list(target).index(1) for target in found["distribution"]]
    assert labels == crowd.annotations["label"].tolist()


def test_dpo_clean_learns_each_known_preference_once(pairs, as_dicts):
    found = as_dicts(dpo_clean.targets(Given(pairs), dpo_clean.Settings()))
    assert found == [
        {
            "item": item,
            "distribution": distribution,
            "annotator": None,
            "reason": "gold preference",
        }
        for item, distribution in [("w", [1, 0]), ("x", [1, 0]), ("y", [0, 1])]
    ]
    assert not dpo_clean.NEEDS.annotations


def test_dpo_users_keeps_users_and_all_that_they_chose(crowd, written):
    """eta of ann, bob and cat: 1, 0, 1/2."""
    found = written(dpo_users.targets(crowd, dpo_users.Settings(**USERS)))
    kept = found.groupby("annotator")["kept"].agg(["all", "any"])
    assert kept["all"].tolist() == kept["any"].tolist() == [True, False, True]
    assert found["reason"].tolist() == [
        "attentive user" if kept else "careless user" for kept in found["kept"]
    ]
    assert found.loc[found["annotator"] == "ann", "distribution"].map(list).tolist() == [
        [1, 0],
        [1, 0],
        [0, 1],
        [1, 0],
    ]


def test_dpo_users_says_how_attentive_each_is(crowd):
    settings = dpo_users.Settings(**USERS)
    found = dpo_users.expertise(crowd, None, {}, settings)
    wanted = estimated(crowd, settings.users)
    assert found["expertise"].to_dict() == pytest.approx({"ann": 1, "bob": 0, "cat": 0.5})
    assert found["low"].tolist() == wanted.low.tolist()
    assert found["high"].tolist() == wanted.high.tolist()


def test_dpo_users_keeps_less_at_a_higher_threshold(crowd):
    settings = dpo_users.Settings(users=USERS["users"] | {"threshold": 0.6})
    found = dpo_users.targets(crowd, settings)
    assert set(found.loc[found["kept"], "annotator"]) == {"ann"}


@pytest.mark.parametrize(
    ("threshold", "kept"), [(0.5, ["ann", "bob"]), (0.1, ["ann", "bob", "cat"])]
)
def test_dpo_oracle_keeps_who_truly_looks(crowd, threshold, kept):
    found = dpo_oracle.targets(crowd, dpo_oracle.Settings(threshold=threshold))
    assert sorted(set(found.loc[found["kept"], "annotator"])) == kept
    assert found["kept"].equals(found["annotator"].isin(kept))
    assert dpo_oracle.NEEDS.truth


def test_dpo_random_keeps_as_many_as_dpo_users(crowd, written):
    settings = dpo_random.Settings(**USERS)
    found = written(dpo_random.targets(crowd, settings))
    assert found["kept"].sum() == dpo_users.targets(crowd, settings)["kept"].sum() == 12
    assert found["reason"].tolist() == ["drawn" if kept else "not drawn" for kept in found["kept"]]
    assert found["annotator"].tolist() == crowd.annotations["annotator"].tolist()
    other = dpo_random.targets(crowd, settings.model_copy(update={"beta": 0.5}))
    assert found["kept"].tolist() == other["kept"].tolist()


def test_dpo_random_draws_again_from_other_comparisons(crowd, pairs):
    settings = dpo_random.Settings(**USERS)
    drawn = set()
    for label in range(8):  # one of cat's labels less
        last = crowd.annotations[crowd.annotations["annotator"] == "cat"].index[label]
        told = Given(pairs, crowd.annotations.drop(last))
        drawn.add(tuple(dpo_random.targets(told, settings)["kept"]))
    assert len(drawn) > 1


def test_dpo_items_keeps_what_speaks_for_the_stronger_model(crowd, written):
    found = written(dpo_items.targets(crowd, dpo_items.Settings()))
    assert found["kept"].tolist() == [label == 0 for label in crowd.annotations["label"]]
    assert found["kept"].sum() == 10
    assert all(list(target) == [1, 0] for target in found.loc[found["kept"], "distribution"])
    assert set(found["reason"]) == {"for the stronger model", "against the stronger model"}


def test_dpo_items_needs_to_know_which_model_is_the_stronger(crowd, pairs):
    unnamed = Given(pairs.assign(sources=None), crowd.annotations)
    with pytest.raises(AnnobenchError, match=r"dpo-items.*allowed: one that does"):
        dpo_items.targets(unnamed, dpo_items.Settings())


def test_dpo_smoothed_doubts_each_user_as_much_as_is_due(crowd, written):
    """eps = (1 - eta) / 2 of ann, bob and cat: 0, 1/2, 1/4."""
    found = written(dpo_smoothed.targets(crowd, dpo_smoothed.Settings(**USERS)))
    assert found["kept"].all()
    eps = {"ann": 0.0, "bob": 0.5, "cat": 0.25}
    for target, label in zip(found.itertuples(), crowd.annotations["label"], strict=True):
        assert target.distribution[label] == pytest.approx(1 - eps[target.annotator])
        assert target.distribution[1 - label] == pytest.approx(eps[target.annotator])
    assert dpo_smoothed.expertise is dpo_users.expertise
