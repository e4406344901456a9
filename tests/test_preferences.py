"""Comparisons as choices, as targets, and the keys of the methods that learn from them."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from annobench import preferences, tables
from annobench.attentiveness import Estimate, continuous
from annobench.errors import AnnobenchError
from annobench.methods import Given
from annobench.preferences import choices_of, comparison_targets, estimated, keep_users


@pytest.fixture
def items():
    return pd.DataFrame(
        {
            "item": ["x", "y", "z"],
            "task": "any",
            "split": "train",
            "options": [["a", "b"]] * 3,
            "sources": [["strong", "weak"]] * 3,
            "scores": [[2.0, 0.5], [1.0, 1.0], [0.0, 3.0]],
        }
    )


@pytest.fixture
def annotations():
    return pd.DataFrame(
        {
            "item": ["z", "x", "x", "y"],
            "label": [1, 0, 1, 0],
            "annotator": ["bob", "ann", "bob", "cat"],
            "first": [1, 0, 1, 1],
        }
    )


def test_choices_come_in_the_order_of_comparisons(items, annotations):
    found = choices_of(annotations, items, ["ann", "bob", "cat"])
    assert found.user.tolist() == [1, 0, 1, 2]
    assert found.users == 3
    assert found.stronger.tolist() == [False, True, False, True]
    assert found.first.tolist() == [False, True, False, False]
    assert found.gap.tolist() == [-3, 1.5, 1.5, 0]


@pytest.mark.parametrize("known", [[1, 0, None, 1], [None] * 4])
def test_an_order_that_is_not_known_of_all_is_not_known(items, annotations, known):
    first = pd.array(known, dtype="Int64")
    assert choices_of(annotations.assign(first=first), items, ["ann", "bob", "cat"]).first is None


def test_scores_that_are_not_known_of_all_are_not_known(items, annotations):
    users = ["ann", "bob", "cat"]
    holes = items.assign(scores=[[2.0, 0.5], None, [0.0, 3.0]])
    assert choices_of(annotations, holes, users).gap is None
    left = annotations[annotations["item"] != "y"]
    assert choices_of(left, holes, users).gap.tolist() == [-3, 1.5, 1.5]


def test_choices_are_the_same_after_a_file(items, annotations, tmp_path):
    tables.write(tmp_path / "items.parquet", items.assign(prompt="?"), tables.ITEMS)
    tables.write(tmp_path / "annotations.parquet", annotations, tables.ANNOTATIONS)
    read = (
        tables.read(tmp_path / "annotations.parquet", tables.ANNOTATIONS),
        tables.read(tmp_path / "items.parquet", tables.ITEMS),
    )
    users = ["ann", "bob", "cat"]
    one, other = choices_of(*read, users), choices_of(annotations, items, users)
    for name in ("user", "stronger", "first", "gap"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_targets_are_what_was_chosen(items, annotations):
    given = Given(items, annotations)
    found = comparison_targets(given, annotations["label"], "said")
    assert found["item"].tolist() == ["z", "x", "x", "y"]
    assert found["annotator"].tolist() == ["bob", "ann", "bob", "cat"]
    assert found["distribution"].tolist() == [(0, 1), (1, 0), (0, 1), (1, 0)]
    assert found["reason"].eq("said").all()


def test_who_is_left_out_is_left_out_with_all_choices(items, annotations):
    kept = pd.Series([True, False, True], ["ann", "bob", "cat"])
    found = keep_users(Given(items, annotations), kept, ("in", "out"))
    assert found["kept"].tolist() == [False, True, False, True]
    assert found["reason"].tolist() == ["out", "in", "out", "in"]


def test_estimates_come_in_the_order_of_users(items, annotations):
    """eta = (k / n - 1/2) / (mu - 1/2), from 0 to 1: ann and cat chose the stronger, bob never."""
    settings = continuous.Settings(mu=0.75)
    given = Given(items, annotations)
    found = preferences.attentiveness_frame(given, estimated(given, settings))
    assert found.index.tolist() == ["ann", "bob", "cat"]
    assert found["expertise"].tolist() == pytest.approx([1, 0, 1])
    assert (found["low"] <= found["high"]).all()


def test_models_without_names_are_refused_unless_scores_say_enough(items, annotations):
    given = Given(items.assign(sources=None), annotations)
    with pytest.raises(AnnobenchError, match=r"users\.mu: found 0\.75, .*allowed: scores"):
        estimated(given, continuous.Settings(mu=0.75))
    assert isinstance(estimated(given, continuous.Settings(mu="scores")), Estimate)


@pytest.mark.parametrize(
    "keys", [{"beta": 0}, {"by": "us"}, {"users": {"kind": "votes"}}, {"users": {"mu": 0.4}}]
)
def test_impossible_keys_are_refused(keys):
    with pytest.raises(ValidationError):
        preferences.Filtered(**keys)
