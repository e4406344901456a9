"""What every aggregation owes (annobench/aggregation/__init__)."""

import warnings

import numpy as np
import pandas as pd
import pytest

from annobench.registry import component, kinds

KINDS = kinds("aggregation")


@pytest.fixture(params=KINDS)
def posterior(request):
    return component("aggregation", request.param).posterior


@pytest.fixture
def mixed(crowd):
    """Annotations of 12 items of two to five options, shuffled, and the numbers of options."""
    annotations, _ = crowd(12, [0.9, 0.8, 0.6, 0.3], 3)
    names = annotations["item"].unique()
    options = pd.Series(2 + np.arange(len(names)) % 4, index=names)
    annotations["label"] %= annotations["item"].map(options)
    return annotations.sample(frac=1, random_state=0, ignore_index=True), options


def test_one_distribution_over_its_own_options_for_each_item(posterior, mixed):
    annotations, options = mixed
    found = posterior(annotations, options)
    assert found.columns.tolist() == ["item", "distribution"]
    assert found["item"].tolist() == sorted(options.index)
    assert found["distribution"].map(len).tolist() == options.sort_index().tolist()
    assert found["distribution"].map(sum).to_numpy() == pytest.approx(1)
    assert found["distribution"].map(min).ge(0).all()


def test_items_that_nobody_labelled_are_left_out(posterior, mixed):
    annotations, options = mixed
    more = pd.concat([pd.Series({"never-labelled": 3}), options])
    assert posterior(annotations, more).equals(posterior(annotations, options))


def test_the_order_of_the_annotations_does_not_matter(posterior, mixed):
    annotations, options = mixed
    shuffled = annotations.sample(frac=1, random_state=1)
    assert posterior(shuffled, options).equals(posterior(annotations, options))


def test_names_do_not_matter(posterior, mixed):
    """Only who is who: annotators named the other way round give the same posterior."""
    annotations, options = mixed
    turned = annotations.assign(
        annotator=annotations["annotator"].map(lambda name: f"b{3 - int(name[1])}")
    )
    found, wanted = posterior(turned, options), posterior(annotations, options)
    for p, q in zip(found["distribution"], wanted["distribution"], strict=True):
        assert p == pytest.approx(q, abs=0.02)


def test_the_global_random_state_is_neither_read_nor_moved(posterior, mixed):
    found = []
    for seed in (0, 1):
        np.random.seed(seed)
        state = np.random.get_state()[1].copy()
        found.append(posterior(*mixed))
        assert np.array_equal(np.random.get_state()[1], state)
    assert found[0].equals(found[1])


def test_what_all_agree_on_is_believed(posterior):
    rows = [(f"q{n}", n % 3, who) for n in range(12) for who in ("ann", "bob", "cat")]
    annotations = pd.DataFrame(rows, columns=["item", "label", "annotator"])
    found = posterior(annotations, pd.Series(3, index=annotations["item"].unique()))
    for item, p in zip(found["item"], found["distribution"], strict=True):
        assert np.argmax(p) == int(item[1:]) % 3
        assert max(p) > 0.9


def test_one_label_alone(posterior):
    annotations = pd.DataFrame({"item": ["a"], "label": [1], "annotator": ["ann"]})
    (p,) = posterior(annotations, pd.Series({"a": 3}))["distribution"]
    assert np.argmax(p) == 1
    assert sum(p) == pytest.approx(1)


def test_no_votes_no_rows(posterior):
    none = pd.DataFrame({"item": ["a"], "label": [0], "annotator": ["ann"]}).iloc[:0]
    found = posterior(none, pd.Series({"a": 2}))
    assert found.columns.tolist() == ["item", "distribution"]
    assert found.empty


def test_what_it_is_given_is_left_as_it_was(posterior, mixed):
    annotations, options = mixed[0].copy(deep=True), mixed[1].copy(deep=True)
    posterior(*mixed)
    pd.testing.assert_frame_equal(mixed[0], annotations)
    pd.testing.assert_series_equal(mixed[1], options)


def test_no_warnings_reach_the_user(posterior, mixed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        posterior(*mixed)
