import numpy as np
import pytest

from annobench import seeds
from annobench.noise import difficulty, expertise
from annobench.noise.difficulty import Settings


def test_difficulty_by_hand():
    p_gold = np.array([0.9, 0.2, 0.2, 0.5, 0.1, 0.4])
    task = np.array([0, 0, 0, 0, 1, 1])
    d = difficulty.difficulty(p_gold, task)
    # task 0: ranks 1, 3.5, 3.5, 2 of 4; task 1: ranks 2, 1 of 2
    assert d.tolist() == [0.125, 0.75, 0.75, 0.375, 0.75, 0.25]


def test_difficulty_depends_on_ranks_only():
    p = np.random.default_rng(0).random(101)
    task = np.zeros(101, dtype=int)
    d = difficulty.difficulty(p, task)
    assert d.tolist() == difficulty.difficulty(p**5 / 3, task).tolist()
    assert sorted(d) == pytest.approx([(rank + 0.5) / 101 for rank in range(101)])
    assert difficulty.difficulty(np.full(7, 0.3), np.zeros(7, dtype=int)).tolist() == [0.5] * 7


def test_label_accuracy():
    # e_ai 0.8 and 0.4 of K 2 and 4: 0.9 and 0.55
    found = difficulty.label_accuracy(np.array([0.8]), np.array([2, 4]), np.array([1.0, 0.5]))
    assert found.tolist() == pytest.approx([0.725])


def test_harder_items_are_labelled_worse(make_items, make_base):
    items = make_items([4] * 20_000, tasks=("t",))
    base = make_base(items)
    settings = Settings(model="m", ladder=[0.9, 0.9], labels_per_item=1, strength=0.7)
    annotations, truth = difficulty.annotate(items, base, settings, seeds.generator("test"))
    p = base.set_index("item")["probabilities"][items["item"]]
    p_gold = np.array([row[gold] for row, gold in zip(p, items["gold"], strict=True)])
    d = difficulty.difficulty(p_gold, np.zeros(len(items), dtype=int))
    right = (annotations["label"].to_numpy() == items["gold"].to_numpy()).astype(float)
    for fifth in range(5):
        here = (d * 5).astype(int) == fifth
        e = 0.9 * (1 - 0.7 * (fifth + 0.5) / 5)
        expected = e + (1 - e) / 4
        error = np.sqrt(expected * (1 - expected) / here.sum())
        assert abs(right[here].mean() - expected) < 4 * error
    assert truth["expertise"].tolist() == pytest.approx([0.9 * (1 - 0.7 / 2)] * 2)


def test_without_strength_it_is_expertise(make_items, make_base):
    items = make_items([4, 3] * 50)
    keys = {"ladder": "linear", "specialists": True}
    settings = Settings(model="m", strength=0, **keys)
    found = difficulty.annotate(items, make_base(items), settings, seeds.generator("test"))
    plain = expertise.annotate(items, None, expertise.Settings(**keys), seeds.generator("test"))
    assert found[0].equals(plain[0])
    assert found[1]["accuracy"].tolist() == pytest.approx(plain[1]["accuracy"].tolist())
    assert found[1]["expertise"].tolist() == pytest.approx(plain[1]["expertise"].tolist())
