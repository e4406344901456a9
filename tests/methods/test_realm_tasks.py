import math

import numpy as np
import pandas as pd
import pytest
import torch

from annobench.methods import Given, realm, realm_tasks, sft
from annobench.training.rows import rows_of as rows_from

FORMS = ("full", "rank-one", "shared")
PER_TASK = 400


def settings(form):
    return realm_tasks.Settings(expertise=form)


@pytest.fixture(scope="module")
def specialists():
    """Two tasks of four and two options; ann knows only maths, bob only words, cat a bit of both.

    Returns what a method is given, its rows, and the log p of each item, right with 0.8.
    """
    rng = np.random.default_rng(0)
    expertise = {("ann", "maths"): 0.9, ("ann", "words"): 0.1, ("bob", "maths"): 0.1}
    expertise |= {("bob", "words"): 0.9, ("cat", "maths"): 0.5, ("cat", "words"): 0.5}
    frames, votes, log_p = [], [], []
    for task, K in (("words", 2), ("maths", 4)):
        gold = rng.integers(K, size=PER_TASK)
        names = [f"{task}-{n}" for n in range(PER_TASK)]
        frames.append(
            pd.DataFrame({"item": names, "task": task, "options": [list("abcd"[:K])] * PER_TASK})
        )
        p = torch.zeros(PER_TASK, 4)
        p[:, :K] = 0.2 / (K - 1)
        p[range(PER_TASK), gold] = 0.8
        log_p.append(p.log())
        for who in ("ann", "bob", "cat"):
            knows = rng.random(PER_TASK) < expertise[who, task]
            label = np.where(knows, gold, rng.integers(K, size=PER_TASK))
            votes.append(pd.DataFrame({"item": names, "label": label, "annotator": who}))
    given = Given(pd.concat(frames, ignore_index=True), pd.concat(votes, ignore_index=True))
    rows = rows_from(sft.targets(given, sft.Settings()), given.items, given.annotators, given.tasks)
    return given, rows, torch.cat(log_p), pd.Series(expertise)


def learned(method, given, rows, log_p, settings):
    """The expertise that Adam finds on these fixed predictions."""
    extra = {k: v.requires_grad_(True) for k, v in method.parameters(given, settings).items()}
    adam = torch.optim.Adam(extra.values(), lr=0.1)
    for _ in range(300):
        adam.zero_grad()
        method.loss(log_p[rows.item], rows, extra, settings).mean().backward()
        adam.step()
    found = {name: value.detach() for name, value in extra.items()}
    return method.expertise(given, pd.DataFrame(), found, settings)


def test_the_full_matrix_finds_specialists_and_a_shared_scalar_does_not(specialists):
    *data, truth = specialists
    full = learned(realm_tasks, *data, settings("full"))
    shared = learned(realm_tasks, *data, settings("shared"))
    assert list(full.index) == sorted(truth.index)
    assert full["ann", "maths"] > full["cat", "maths"] > full["bob", "maths"]
    assert full["bob", "words"] > full["cat", "words"] > full["ann", "words"]
    assert full.corr(truth) > 0.95
    assert shared["ann", "maths"] == shared["ann", "words"]
    assert shared.corr(truth) < 0.5


def test_rank_one_finds_hard_tasks_and_good_annotators():
    """Omega[a, t] = u_a + v_t is found where it is the truth, in all pairs."""
    rng = np.random.default_rng(1)
    names, tasks = ["ann", "bob", "cat"], ["easy", "hard", "middling"]
    truth = torch.tensor([[2.0], [0.5], [-1.0]]) + torch.tensor([1.0, -1.0, 0.0])
    items, votes = [], []
    for t, task in enumerate(tasks):
        own = [f"{task}-{n}" for n in range(1500)]
        items.append(pd.DataFrame({"item": own, "task": task, "options": [list("abcd")] * 1500}))
        for a, who in enumerate(names):
            knows = rng.random(1500) < truth[a, t].sigmoid().item()
            label = np.where(knows, 0, rng.integers(4, size=1500))
            votes.append(pd.DataFrame({"item": own, "label": label, "annotator": who}))
    given = Given(pd.concat(items, ignore_index=True), pd.concat(votes, ignore_index=True))
    rows = rows_from(sft.targets(given, sft.Settings()), given.items, names, tasks)
    log_p = torch.tensor([0.97, 0.01, 0.01, 0.01]).log().repeat(len(given.items), 1)
    found = learned(realm_tasks, given, rows, log_p, settings("rank-one"))
    beta = found.to_numpy().reshape(3, 3)
    np.testing.assert_allclose(beta, truth.sigmoid(), atol=0.06)
    omega = np.log(beta / (1 - beta))
    spread = omega - omega.mean(0) - omega.mean(1, keepdims=True) + omega.mean()
    np.testing.assert_allclose(spread, 0, atol=1e-4)


def test_one_task_and_the_full_matrix_is_realm(specialists):
    given, _, log_p, _ = specialists
    maths = given.items["task"] == "maths"
    items = given.items[maths].reset_index(drop=True)
    chosen = given.annotations["item"].isin(items["item"])
    one = Given(items, given.annotations[chosen])
    rows = rows_from(sft.targets(one, sft.Settings()), items, one.annotators, one.tasks)
    log_p = log_p[torch.tensor(maths.tolist())]
    full = learned(realm_tasks, one, rows, log_p, settings("full"))
    shared = learned(realm_tasks, one, rows, log_p, settings("shared"))
    plain = learned(realm, one, rows, log_p, realm.Settings())
    assert full.tolist() == shared.tolist() == plain.tolist()
    assert full.index.tolist() == [(name, "maths") for name in plain.index]


def test_the_matrix_is_read_by_annotator_and_task(z, rows_of):
    """Each form's loss is REALM's with the omega that the form gives each row."""
    rows = rows_of([1, 0, 3, 2, 0, 2], [2, 3, 4, 5, 4, 3], [0, 1, 0, 2, 2, 1], [0, 1, 1, 0, 1, 0])
    omega = torch.tensor([[1.0, -1.0], [0.5, 2.0], [-2.0, 0.0]], dtype=torch.float64)
    own, task = omega[:, 0], torch.tensor([0.3, -0.7], dtype=torch.float64)
    forms = {
        "full": ({"pair": omega}, omega),
        "rank-one": ({"annotator": own, "task": task}, own[:, None] + task),
        "shared": ({"annotator": own}, own[:, None].expand(3, 2)),
    }
    log_p = z.log_softmax(-1)
    for form, (extra, matrix) in forms.items():
        each = {"omega": matrix[rows.annotator, rows.task]}
        alone = rows_of([1, 0, 3, 2, 0, 2], [2, 3, 4, 5, 4, 3], range(6))
        for name in ("loss", "weights"):
            found = getattr(realm_tasks, name)(log_p, rows, extra, settings(form))
            wanted = getattr(realm, name)(log_p, alone, each, realm.Settings())
            torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("form", FORMS)
def test_the_start_is_realms(few, labels, form):
    few["task"] = ["p", "q", "r"]
    given = Given(few, labels)
    extra = realm_tasks.parameters(given, settings(form))
    shapes = {
        "full": {"pair": (3, 3)},
        "rank-one": {"annotator": (3,), "task": (3,)},
        "shared": {"annotator": (3,)},
    }
    assert {name: tuple(value.shape) for name, value in extra.items()} == shapes[form]
    found = realm_tasks.expertise(given, pd.DataFrame(), extra, settings(form))
    assert found.index.tolist() == [
        ("ann", "p"),
        ("ann", "q"),
        ("bob", "p"),
        ("bob", "q"),
        ("cat", "p"),
    ]
    assert found.to_numpy() == pytest.approx(0.8)


def test_a_term_is_learned_by_its_own_labels_only(few, labels):
    """cat has labelled nothing of y's task: that pair gets no gradient."""
    few["task"] = ["p", "q", "q"]
    given = Given(few, labels)
    rows = rows_from(sft.targets(given, sft.Settings()), few, given.annotators, given.tasks)
    extra = realm_tasks.parameters(given, settings("full"))
    extra["pair"].requires_grad_(True)
    p = torch.tensor([[0.1, 0.1, 0.7, 0.1], [0.9, 0.1, 0, 0], [1, 0, 0, 0]])
    realm_tasks.loss(p.log()[rows.item], rows, extra, settings("full")).sum().backward()
    assert (extra["pair"].grad != 0).tolist() == [[True, True], [True, True], [True, False]]
    assert math.isclose(realm_tasks.learning_rate(1, settings("full")), 0.1)
