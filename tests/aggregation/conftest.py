import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def crowd():
    """crowd(items, accuracies, labels_per_item): annotations, and the gold label of each item.

    An annotator is right with their accuracy, else wrong at random.
    """

    def make(items, accuracies, labels_per_item, options=4, seed=0):
        rng = np.random.default_rng(seed)
        gold = rng.integers(options, size=items)
        rows = []
        for item, truth in enumerate(gold):
            for who in rng.choice(len(accuracies), labels_per_item, replace=False):
                off = 0 if rng.random() < accuracies[who] else rng.integers(1, options)
                rows.append((f"q{item:04d}", int((truth + off) % options), f"a{who}"))
        return pd.DataFrame(rows, columns=["item", "label", "annotator"]), gold

    return make


@pytest.fixture
def accuracy():
    """accuracy(posterior, gold): share of items whose likeliest option is gold."""

    def share(posterior, gold):
        chosen = posterior["distribution"].map(np.argmax).to_numpy()
        return float(np.mean(chosen == gold))

    return share
