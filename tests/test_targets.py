import numpy as np
import pandas as pd
import pytest

from annobench import tables
from annobench.aggregation.majority import posterior
from annobench.errors import AnnobenchError
from annobench.methods import Given
from annobench.targets import (
    aggregated,
    among_smallest,
    chance_corrected_agreement,
    labelled_items,
    low_component,
    one_hot,
    option_counts,
    p_of,
    target_frame,
    targets_in_words,
)

NAN = float("nan")


def test_one_hot():
    found = one_hot(pd.Series([0, 2, 1]), pd.Series([2, 3, 4]))
    assert found == [(1, 0), (0, 0, 1), (0, 1, 0, 0)]
    with pytest.raises(IndexError):
        one_hot(pd.Series([2]), pd.Series([2]))


def test_equal_labels_share_one_row():
    found = one_hot(pd.Series([1, 0, 1]), pd.Series([3, 3, 3]))
    assert found[0] is found[2]


def test_option_counts():
    items = pd.DataFrame({"item": ["b", "a"], "options": [["x", "y", "z"], ["x", "y"]]})
    assert option_counts(items).to_dict() == {"b": 3, "a": 2}


@pytest.mark.parametrize("annotators", [None, pd.Series(["ann", None])])
def test_a_frame_of_targets_fits_its_table(annotators, tmp_path):
    frame = target_frame(pd.Series(["a", "b"]), [[1, 0], [0.5, 0.5]], "why", annotators)
    tables.write(tmp_path / "targets.parquet", frame, tables.TARGETS)
    found = tables.read(tmp_path / "targets.parquet", tables.TARGETS)
    assert found["item"].tolist() == ["a", "b"]
    assert found["distribution"].map(list).tolist() == [[1, 0], [0.5, 0.5]]
    assert found["weight"].tolist() == [1, 1]
    assert found["kept"].tolist() == [True, True]
    assert found["reason"].tolist() == ["why", "why"]
    assert found["annotator"].isna().tolist() == (
        [True, True] if annotators is None else [False, True]
    )


def test_agreement_by_hand():
    """With K options, the target on the label counts 1, no target on it -1/(K - 1)."""
    targets = pd.DataFrame(
        {"item": ["a", "b", "c"], "distribution": [[1, 0], [0, 0, 1, 0], [0.7, 0.2, 0.1]]}
    )
    annotations = pd.DataFrame(
        {
            "item": ["a", "b", "a", "b", "c"],
            "label": [0, 2, 1, 0, 0],
            "annotator": ["zoe", "zoe", "ann", "ann", "ann"],
        }
    )
    found = chance_corrected_agreement(annotations, targets)
    assert list(found.index) == ["ann", "zoe"]
    assert found["zoe"] == pytest.approx(1)
    assert found["ann"] == pytest.approx((-1 - 1 / 3 + (0.7 - 1 / 3) / (2 / 3)) / 3)


def test_agreement_of_a_uniform_guess_is_nothing():
    targets = pd.DataFrame({"item": list("abcd"), "distribution": [[1, 0, 0, 0]] * 4})
    annotations = pd.DataFrame({"item": list("abcd"), "label": range(4), "annotator": "ann"})
    assert chance_corrected_agreement(annotations, targets)["ann"] == pytest.approx(0)


def test_no_agreement_without_names():
    targets = pd.DataFrame({"item": ["a"], "distribution": [[1, 0]]})
    unsigned = pd.DataFrame({"item": ["a"], "label": [0], "annotator": [None]})
    assert chance_corrected_agreement(unsigned, targets) is None
    assert chance_corrected_agreement(None, targets) is None


def test_agreement_on_an_item_without_a_target_is_refused():
    targets = pd.DataFrame({"item": ["a"], "distribution": [[1, 0]]})
    more = pd.DataFrame({"item": ["a", "b"], "label": [0, 0], "annotator": "ann"})
    with pytest.raises(KeyError, match="b"):
        chance_corrected_agreement(more, targets)


def test_agreement_does_not_depend_on_the_order():
    targets = pd.DataFrame({"item": ["b", "a"], "distribution": [[0, 1], [0.5, 0.25, 0.25]]})
    annotations = pd.DataFrame({"item": ["a", "b"], "label": [0, 1], "annotator": "ann"})
    found = chance_corrected_agreement(annotations, targets)["ann"]
    assert found == pytest.approx((1 + (0.5 - 1 / 3) / (2 / 3)) / 2)
    assert chance_corrected_agreement(annotations[::-1], targets[::-1])["ann"] == found


def test_aggregated_targets():
    items = pd.DataFrame({"item": ["b", "a", "c"], "options": [["x", "y"], ["x", "y", "z"], ["x"]]})
    annotations = pd.DataFrame({"item": ["b", "a"], "label": [1, 2], "annotator": None})
    found = aggregated(Given(items, annotations), posterior, "why")
    assert found["item"].tolist() == ["a", "b"]
    assert found["distribution"].tolist() == [[0, 0, 1], [0, 1]]
    assert found["reason"].tolist() == ["why", "why"]
    assert found["annotator"].isna().all()


TWO = pd.DataFrame({"item": ["b", "a"], "options": [["x", "y", "y"], ["p", "q"]]})


def labels_of(items, labels, annotators=None):
    return pd.DataFrame({"item": items, "label": labels, "annotator": annotators})


def test_labelled_items_are_rows_of_annotations_in_the_order_of_the_items():
    given = Given(TWO, labels_of(["a", "b", "b"], [1, 0, 2], ["ann", "cat", "bob"]))
    found = labelled_items(given)
    assert found["item"].tolist() == ["b", "b", "a"]
    assert found["annotator"].tolist() == ["bob", "cat", "ann"]
    assert found["label"].tolist() == [2, 0, 1]
    assert found["given"].tolist() == ["y", "x", "q"]


@pytest.mark.parametrize("label", [2, -1])
def test_a_label_outside_the_options_is_refused(label):
    with pytest.raises(AnnobenchError, match=f"item 'a': found label {label}; allowed: 0 to 1"):
        labelled_items(Given(TWO, labels_of(["a"], [label])))


def test_a_missing_text_is_refused():
    bare = pd.DataFrame({"item": ["a"], "options": [[]]})
    with pytest.raises(AnnobenchError, match="item 'a': found label None; allowed: a text"):
        labelled_items(Given(bare, labels_of(["a"], [None]).assign(text=None)))


def test_a_word_that_two_options_share_is_the_given_one():
    items = labelled_items(Given(TWO, labels_of(["b", "a"], [2, 0])))
    found = targets_in_words(items, ["y", "q"], [True, False], ["given", "new"])
    assert found["distribution"].tolist() == [(0, 0, 1), (0, 1)]
    assert found["kept"].tolist() == [True, False]
    other = labelled_items(Given(TWO, labels_of(["b"], [0])))
    assert targets_in_words(other, ["y"], [True], "new")["distribution"][0] == (0, 1, 0)


def test_among_smallest_by_hand():
    """Four are known: 0.5 of them are two, 0.6 and 0.75 three; of equal ones the first."""
    values = pd.Series([3.0, NAN, 1.0, 2.0, 2.0], index=list("vwxyz"))
    for share, names in ((0.25, "x"), (0.5, "xy"), (0.6, "xyz"), (0.75, "xyz"), (1, "vxyz")):
        found = among_smallest(values, share)
        assert "".join(found.index[found]) == names
    assert not among_smallest(pd.Series([NAN, None], dtype=object), 1).any()
    assert among_smallest(pd.Series(np.arange(25)), 0.28).sum() == 7


def test_the_lower_of_two_gaussians():
    rng = np.random.default_rng(0)
    low = np.arange(300) < 200
    losses = pd.Series(np.where(low, rng.normal(0.5, 0.2, 300), rng.normal(3, 0.5, 300)))
    found = low_component(losses)
    assert (found == low).mean() > 0.99
    pd.testing.assert_series_equal(found, low_component(losses))


@pytest.mark.parametrize("wide", ["low", "high"])
def test_a_wide_gaussian_does_not_reach_beyond_a_narrow_one(wide):
    rng = np.random.default_rng(0)
    narrow, broad = rng.normal(2, 0.05, 100), rng.normal(2 + (-1 if wide == "low" else 1), 1, 100)
    losses = pd.Series(np.sort(np.concatenate([narrow, broad])))
    found = low_component(losses)
    assert found.any()
    assert not found.all()
    assert found.is_monotonic_decreasing


def test_equal_losses_are_one_component():
    assert low_component(pd.Series([0.7, 0.7, 0.7])).all()
    assert low_component(pd.Series([0.7])).all()


def test_the_probability_of_a_label_is_above_zero():
    found = p_of(pd.Series([[0.2, 0.8], [1.0, 0.0, 0.0]]), pd.Series([1, 2], index=["a", "b"]))
    assert found["a"] == 0.8
    assert 0 < found["b"] < 1e-300
    assert found.index.tolist() == ["a", "b"]
