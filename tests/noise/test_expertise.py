import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from annobench import seeds, tables
from annobench.errors import AnnobenchError
from annobench.noise import expertise
from annobench.noise.expertise import Settings


def make_items(n, options=4, split="train"):
    return pd.DataFrame(
        {
            "item": [f"q{number}" for number in range(n)],
            "split": split,
            "options": [[str(option) for option in range(options)]] * n,
            "gold": [number % options for number in range(n)],
        }
    )


def annotate(items, **keys):
    return expertise.annotate(items, Settings(**keys), seeds.generator("test"))


@pytest.mark.parametrize(
    ("ladder", "annotators", "values"),
    [
        ("one-good", 3, (0.99, 0.01, 0.01)),
        ("half-good", 4, (0.99, 0.99, 0.01, 0.01)),
        ("half-good", 5, (0.99, 0.99, 0.99, 0.01, 0.01)),
        ("all-good", 2, (0.99, 0.99)),
        ("linear", 4, (0.05, 0.35, 0.65, 0.95)),
        ("linear", 1, (0.05,)),
    ],
)
def test_ladders(ladder, annotators, values):
    settings = Settings(ladder=ladder, annotators=annotators, labels_per_item=1)
    assert settings.expertise == pytest.approx(values)


def test_ten_annotators_unless_told_otherwise():
    assert Settings(ladder="half-good").expertise == (0.99,) * 5 + (0.01,) * 5
    assert Settings(ladder=[0.2, 0.8, 0.5]).expertise == (0.2, 0.8, 0.5)


def test_settings_survive_json():
    settings = Settings(ladder=[0.2, 0.8, 0.5])
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"ladder": "half-godo"}, "did you mean 'half-good'?"),
        ({"ladder": [0.5, 1.5]}, "values from 0 to 1"),
        ({"ladder": []}, "values from 0 to 1"),
        ({"annotators": 2}, "labels_per_item: found 3; allowed: at most 2"),
        ({"ladder": [0.1] * 4, "annotators": 5}, "annotators: found 5; allowed: 4"),
        ({"labels_per_item": 0}, "labels_per_item"),
    ],
)
def test_refused_settings_say_what_is_allowed(keys, message):
    with pytest.raises(ValidationError) as caught:
        Settings(**keys)
    assert message in str(caught.value)


def test_label_accuracy():
    assert expertise.label_accuracy(1, 4) == 1
    assert expertise.label_accuracy(0, 4) == 0.25
    assert expertise.label_accuracy(0.6, 2) == pytest.approx(0.8)


@pytest.mark.parametrize("options", [2, 4])
def test_each_annotator_is_right_as_often_as_the_formula_says(options):
    items = make_items(20_000, options)
    annotations, truth = annotate(items, ladder="linear", labels_per_item=5)
    gold = items.set_index("item")["gold"]
    right = annotations["label"] == annotations["item"].map(gold)
    accuracy = right.groupby(annotations["annotator"]).mean()
    expected = expertise.label_accuracy(truth.set_index("annotator")["expertise"], options)
    # 10,000 labels each; five standard deviations of a mean of them
    tolerance = 5 * np.sqrt(expected * (1 - expected) / 10_000)
    assert (accuracy.sub(expected).abs() < tolerance).all()


def test_wrong_labels_are_uniform_over_the_other_options():
    items = make_items(12_000).assign(gold=0)
    annotations, _ = annotate(items, ladder=[0.0], labels_per_item=1)
    counts = annotations["label"].value_counts()
    # 3,000 each; standard deviation sqrt(12000 * 1/4 * 3/4) = 47
    assert sorted(counts.index) == [0, 1, 2, 3]
    assert (counts.sub(3000).abs() < 5 * 47).all()


def test_labels_are_options_of_their_own_item():
    items = make_items(400).assign(gold=0)
    items["options"] = [["a", "b"], ["a", "b", "c"]] * 200
    annotations, _ = annotate(items, ladder="one-good")
    highest = annotations["label"].groupby(annotations["item"]).max()
    widths = items.set_index("item")["options"].map(len)
    assert annotations["label"].min() == 0
    assert (highest < widths[highest.index]).all()
    assert highest.max() == 2


def test_perfect_annotators_repeat_the_gold_label():
    items = make_items(50)
    annotations, _ = annotate(items, ladder=[1.0, 1.0], labels_per_item=2)
    assert annotations["label"].tolist() == items["gold"].repeat(2).tolist()


@hypothesis_settings(max_examples=60, deadline=None)
@given(items=st.integers(0, 80), annotators=st.integers(1, 12), data=st.data())
def test_assignment_is_balanced_and_without_repetition(items, annotators, data):
    labels_per_item = data.draw(st.integers(1, annotators))
    seed = data.draw(st.integers(0, 2**32))
    who = expertise.assign(items, labels_per_item, annotators, np.random.default_rng(seed))
    assert who.shape == (items, labels_per_item)
    assert all(len(set(row)) == labels_per_item for row in who.tolist())
    loads = np.bincount(who.ravel(), minlength=annotators)
    assert len(loads) == annotators
    assert loads.max() - loads.min() <= 1


def test_every_pair_of_annotators_meets_equally_often():
    who = np.sort(expertise.assign(60_000, 2, 4, np.random.default_rng(0)), axis=1)
    pairs, counts = np.unique(who, axis=0, return_counts=True)
    # 6 pairs, 10,000 each; items of one block exclude each other's pairs, which only narrows this
    assert len(pairs) == 6
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(60_000 * 1 / 6 * 5 / 6) * 1.5


def test_only_training_items_are_labelled():
    items = pd.concat([make_items(5), make_items(7, split="test").assign(gold=None)])
    annotations, _ = annotate(items)
    assert len(annotations) == 5 * 3


def test_tables_fit_their_schemas(tmp_path):
    annotations, truth = annotate(make_items(10))
    tables.write(tmp_path / "annotations.parquet", annotations, tables.ANNOTATIONS)
    tables.write(tmp_path / "truth.parquet", truth, tables.TRUTH)
    assert truth["annotator"].tolist() == [f"a{number:02d}" for number in range(10)]
    assert set(annotations["annotator"]) <= set(truth["annotator"])


def test_names_are_wide_enough_to_sort():
    _, truth = annotate(make_items(1), annotators=101)
    names = truth["annotator"].tolist()
    assert names == sorted(names)
    assert names[0] == "a000"


def test_anonymous_withholds_the_ids_and_nothing_else(tmp_path):
    items = make_items(30)
    named, truth = annotate(items)
    unnamed, same_truth = annotate(items, anonymous=True)
    assert unnamed["annotator"].isna().all()
    assert unnamed["label"].tolist() == named["label"].tolist()
    assert truth.equals(same_truth)
    assert expertise.has_annotator_ids(Settings())
    assert not expertise.has_annotator_ids(Settings(anonymous=True))
    tables.write(tmp_path / "annotations.parquet", unnamed, tables.ANNOTATIONS)


def test_the_same_stream_gives_the_same_labels():
    items = make_items(100)
    first, second, other = (
        expertise.annotate(items, Settings(), seeds.generator("noise", seed))[0]
        for seed in (0, 0, 1)
    )
    assert first.equals(second)
    assert not first.equals(other)


@pytest.mark.parametrize("hole", [{"gold": None}, {"options": [[]] * 3}])
def test_an_item_that_cannot_be_labelled(hole):
    with pytest.raises(AnnobenchError, match="'q0'"):
        annotate(make_items(3).assign(**hole))
