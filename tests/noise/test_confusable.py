import numpy as np
import pandas as pd
import pytest

from annobench import seeds
from annobench.noise import confusable
from annobench.noise.confusable import Settings

NONE = -np.inf


@pytest.mark.parametrize(
    ("p", "gold", "option"),
    [
        ([0.2, 0.5, 0.3], 0, 1),
        ([0.2, 0.5, 0.3], 1, 2),
        ([0.3, 0.3, 0.4], 2, 0),
        ([1.0, 0.0, 0.0], 0, 1),
        ([0.7, 0.3, NONE], 0, 1),
        ([1.0, 0.0, NONE], 1, 0),
        ([1.0, NONE, NONE], 0, 0),
    ],
)
def test_likeliest_wrong_by_hand(p, gold, option):
    assert confusable.likeliest_wrong(np.array([p]), np.array([gold])).tolist() == [option]


def test_errors_go_to_the_likeliest_wrong_option(make_items):
    items = make_items([3, 2, 1], golds=[1, 0, 0], tasks=("t",))
    base = pd.DataFrame(
        {"item": ["q2", "q0", "q1"], "probabilities": [[1], [0.1, 0.8, 0.1], [1, 0]]}
    )
    settings = Settings(model="m", ladder=[0.0, 0.0], labels_per_item=2)
    annotations, _ = confusable.annotate(items, base, settings, seeds.generator("test"))
    assert annotations["label"].tolist() == [0, 0, 1, 1, 0, 0]


def test_only_a_share_of_the_errors_goes_there(make_items):
    n = 20_000
    items = make_items([4] * n, golds=0)
    base = pd.DataFrame({"item": items["item"], "probabilities": [[0.4, 0.1, 0.3, 0.2]] * n})
    settings = Settings(model="m", ladder=[0.2], labels_per_item=1, share=0.7)
    annotations, truth = confusable.annotate(items, base, settings, seeds.generator("test"))
    found = annotations["label"].value_counts(normalize=True)
    for option, expected in {0: 0.2, 1: 0.08, 2: 0.64, 3: 0.08}.items():
        assert abs(found[option] - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    assert truth["accuracy"].tolist() == pytest.approx([0.2] * 2)


def test_label_accuracy():
    e = np.array([0.0, 0.6])
    assert confusable.label_accuracy(e, np.array([2, 4])).tolist() == pytest.approx([0, 0.6])
    assert confusable.label_accuracy(e, np.array([1, 4])).tolist() == pytest.approx([0.5, 0.8])
