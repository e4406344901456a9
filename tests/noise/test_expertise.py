import hashlib

import numpy as np
import pytest

from annobench import seeds
from annobench.data import geo
from annobench.noise import expertise
from annobench.noise.expertise import Settings

QUICK = {
    "half-good": "ca337efa2f2cfc386a6235accba842d616dd8d8032ff2ab000354deccd547158",
    "one-good": "68680f87fb527a695caab52fe61c83a72580a2c33178189d83677be1aa76a836",
    "linear": "642477c9c955d1fa417b3f235b98bb54ac8b01f4e497de86915a755e2493065e",
}
"""SHA-256 of the quick study's labels of seeds 0, 1 and 2 as version 0.1.0 drew them."""


@pytest.fixture(scope="module")
def geo_items():
    return geo.items("geo", geo.Settings(tasks=["city"], train=400, test=200))


@pytest.mark.parametrize("ladder", QUICK)
def test_the_labels_of_the_quick_study_stay_as_they_were(ladder, geo_items):
    settings = Settings(ladder=ladder, annotators=10, labels_per_item=3)
    digest = hashlib.sha256()
    for seed in (0, 1, 2):
        rng = seeds.generator("annotations", "geo", ladder, seed)
        annotations, _ = expertise.annotate(geo_items, None, settings, rng)
        digest.update(annotations.to_csv(index=False, lineterminator="\n").encode())
    assert digest.hexdigest() == QUICK[ladder]


def test_label_accuracy():
    e = np.array([0.0, 0.6, 1.0])
    assert expertise.label_accuracy(e, np.array([2])).tolist() == pytest.approx([0.5, 0.8, 1])
    # K = 2 and 4: 3/8 of the guesses are right
    assert expertise.label_accuracy(e, np.array([2, 4])).tolist() == pytest.approx([0.375, 0.75, 1])


def test_wrong_labels_are_uniform_over_the_other_options(make_items):
    items = make_items([4] * 12_000, golds=0)
    settings = Settings(ladder=[0.0], labels_per_item=1)
    annotations, _ = expertise.annotate(items, None, settings, seeds.generator("test"))
    counts = annotations["label"].value_counts()
    # 3,000 each; standard deviation sqrt(12000 * 1/4 * 3/4) = 47
    assert sorted(counts.index) == [0, 1, 2, 3]
    assert (counts.sub(3000).abs() < 4 * 47).all()


def test_perfect_annotators_repeat_the_gold_label(make_items):
    items = make_items([4] * 50)
    settings = Settings(ladder=[1.0, 1.0], labels_per_item=2)
    annotations, truth = expertise.annotate(items, None, settings, seeds.generator("test"))
    assert annotations["label"].tolist() == items["gold"].repeat(2).tolist()
    assert truth["accuracy"].tolist() == [1.0] * 4
