"""Items of unequal K in two tasks, and what a model makes of them."""

import numpy as np
import pandas as pd
import pytest


def _items(options, golds=None, tasks=("a", "b"), split="train"):
    """One item for each number of options; the gold label goes round them."""
    n = len(options)
    if golds is None:
        golds = [number // len(tasks) % k for number, k in enumerate(options)]
    items = pd.DataFrame(
        {
            "item": [f"q{number}" for number in range(n)],
            "task": [tasks[number % len(tasks)] for number in range(n)],
            "split": split,
            "prompt": "?",
            "options": [[str(option) for option in range(k)] for k in options],
            "gold": golds,
        }
    )
    people = [_people(k, gold) for k, gold in zip(options, items["gold"], strict=True)]
    return items.assign(distribution=people)


def _people(k, gold):
    """Half of them know the gold label and the others guess; all guess where there is none."""
    shares = np.full(k, 1 / k if pd.isna(gold) else 0.5 / k)
    if not pd.isna(gold):
        shares[int(gold)] += 0.5
    return shares.tolist()


def _base(items, seed=0):
    """Random zero-shot probabilities, in another order than the items."""
    rng = np.random.default_rng(seed)
    probabilities = [rng.dirichlet(np.ones(len(options))) for options in items["options"]]
    frame = pd.DataFrame({"item": items["item"], "probabilities": probabilities})
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


@pytest.fixture(scope="session")
def make_items():
    return _items


@pytest.fixture(scope="session")
def make_base():
    return _base
