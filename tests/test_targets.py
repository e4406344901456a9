import pandas as pd
import pytest

from annobench import tables
from annobench.aggregation.majority import posterior
from annobench.methods import Given
from annobench.targets import (
    aggregated,
    chance_corrected_agreement,
    one_hot,
    option_counts,
    target_frame,
)


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
