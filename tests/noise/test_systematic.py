import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench import seeds
from annobench.noise import systematic
from annobench.noise.systematic import Settings


@pytest.mark.parametrize(
    ("gold", "shift", "options", "label"),
    [
        (0, 1, 4, 1),
        (3, 1, 4, 0),
        (2, 3, 4, 1),
        (0, 4, 4, 1),  # made for five options: 4 becomes 1
        (1, 4, 2, 0),
        (0, 3, 1, 0),
    ],
)
def test_wrong_by_hand(gold, shift, options, label):
    assert systematic.wrong(np.array(gold), np.array(shift), np.array(options)) == label


@given(options=st.integers(2, 9), shift=st.integers(1, 12), data=st.data())
def test_a_map_never_leads_to_the_truth(options, shift, data):
    gold = data.draw(st.integers(0, options - 1))
    label = systematic.wrong(np.array(gold), np.array(shift), np.array(options))
    assert 0 <= label < options
    assert label != gold


def test_label_accuracy():
    e = np.array([0.0, 0.6])
    assert systematic.label_accuracy(e, np.array([2, 4])).tolist() == pytest.approx([0, 0.6])
    assert systematic.label_accuracy(e, np.array([1, 4])).tolist() == pytest.approx([0.5, 0.8])


def test_every_annotator_errs_in_one_way_and_not_all_in_the_same(make_items):
    items = make_items([2, 3, 5, 5] * 500)
    settings = Settings(ladder=[0.3] * 8, labels_per_item=3)
    annotations, _ = systematic.annotate(items, None, settings, seeds.generator("test"))
    joined = annotations.merge(items.assign(K=items["options"].map(len)), on="item")
    wrong = joined[joined["label"] != joined["gold"]]
    assert wrong.groupby(["annotator", "K", "gold"])["label"].nunique().eq(1).all()
    shift = ((wrong["label"] - wrong["gold"]) % wrong["K"])[wrong["K"] == 5]
    assert shift.groupby(wrong["annotator"]).nunique().eq(1).all()
    assert shift.nunique() > 1


def test_items_of_one_option_only(make_items):
    items = make_items([1] * 5)
    settings = Settings(ladder=[0.0], labels_per_item=1)
    annotations, truth = systematic.annotate(items, None, settings, seeds.generator("test"))
    assert annotations["label"].eq(0).all()
    assert truth["accuracy"].eq(1).all()
