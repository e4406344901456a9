import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import DawidSkene
from hypothesis import given, settings
from hypothesis import strategies as st

from annobench.aggregation import dawid_skene, majority
from annobench.errors import AnnobenchError


def test_it_finds_the_good_annotators_where_the_majority_is_wrong(crowd, accuracy):
    annotations, gold = crowd(300, [0.95, 0.95, 0.25, 0.25, 0.25, 0.25, 0.25], 7)
    options = pd.Series(4, index=annotations["item"].unique())
    by_vote = accuracy(majority.posterior(annotations, options), gold)
    by_skill = accuracy(dawid_skene.posterior(annotations, options), gold)
    assert by_vote < 0.88
    assert by_skill > 0.93


@st.composite
def votes(draw):
    """Annotations of up to 12 items of four options by up to 5 annotators, in any order."""
    items = draw(st.integers(1, 12))
    annotators = draw(st.integers(1, 5))
    cells = [(i, a) for i in range(items) for a in range(annotators)]
    chosen = draw(st.lists(st.sampled_from(cells), min_size=1, unique=True))
    labels = draw(st.lists(st.integers(0, 3), min_size=len(chosen), max_size=len(chosen)))
    return pd.DataFrame(
        [(f"q{i}", y, f"a{a}") for (i, a), y in zip(chosen, labels, strict=True)],
        columns=["item", "label", "annotator"],
    )


def crowd_kit(annotations):
    """[items, 4] of crowd-kit's own posterior, items sorted."""
    found = DawidSkene().fit_predict_proba(
        annotations.rename(columns={"item": "task", "annotator": "worker"})
    )
    return found.sort_index().reindex(columns=range(4), fill_value=0.0)


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@settings(max_examples=40, deadline=None)
@given(votes())
def test_it_is_crowd_kit(annotations):
    """The same start, steps and stop, whatever was voted; crowd-kit floors its result at 1e-10."""
    options = pd.Series(4, index=annotations["item"].unique())
    found = dawid_skene.posterior(annotations, options)
    direct = crowd_kit(annotations)
    assert found["item"].tolist() == direct.index.tolist()
    np.testing.assert_allclose(np.stack(found["distribution"]), direct, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_it_is_crowd_kit_on_a_crowd(crowd):
    annotations, _ = crowd(400, [0.9, 0.8, 0.7, 0.5, 0.4, 0.3], 3)
    options = pd.Series(4, index=annotations["item"].unique())
    found = np.stack(dawid_skene.posterior(annotations, options)["distribution"])
    np.testing.assert_allclose(found, crowd_kit(annotations), rtol=0, atol=1e-9)


def test_one_step_by_hand():
    """Both say 0 of x, ann says 0 and bob 1 of y: T = (1, 0), (1/2, 1/2) at the start.

    Then prior = (3/4, 1/4); ann always says 0; bob says 0 in 2/3 of class 0 and in none of class 1.
    y: class 0 has 3/4 * 1 * 1/3, class 1 has 1/4 * 1 * 1: they are even, and stay so.
    """
    annotations = pd.DataFrame(
        {"item": list("xxyy"), "label": [0, 0, 0, 1], "annotator": ["ann", "bob"] * 2}
    )
    found = dawid_skene.posterior(annotations, pd.Series({"x": 2, "y": 2}))["distribution"]
    assert found[0] == pytest.approx([1, 0], abs=1e-9)
    assert found[1] == pytest.approx([0.5, 0.5], abs=1e-9)


def test_items_of_different_width(crowd, accuracy):
    annotations, gold = crowd(80, [0.9, 0.9, 0.6], 3, options=2)
    names = annotations["item"].unique()
    options = pd.Series(np.where(np.arange(80) % 2, 2, 5), index=names)
    wide = annotations["item"].map(options) == 5
    annotations["label"] += 2 * wide  # options 2 and 3 of five; 4 is never chosen
    found = dawid_skene.posterior(annotations, options)
    assert found["distribution"].map(len).tolist() == options.tolist()
    assert found["distribution"].map(sum).to_numpy() == pytest.approx(1)
    assert all(p[4] == 0 for p in found["distribution"] if len(p) == 5)
    assert accuracy(found, gold + 2 * (options.to_numpy() == 5)) > 0.85


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_options_that_an_item_lacks_get_nothing():
    # a2 says 0 whether the others say 0, 1 or 2, so its 0 on "narrow" may stand for option 2
    rows = [(f"q{n}", label, who) for n in range(9) for who, label in enumerate([n % 3, n % 3, 0])]
    rows.append(("narrow", 0, 2))
    annotations = pd.DataFrame(rows, columns=["item", "label", "annotator"])
    annotations["annotator"] = "a" + annotations["annotator"].astype(str)
    options = pd.Series(3, index=annotations["item"].unique())
    options["narrow"] = 2
    direct = crowd_kit(annotations).loc["narrow"]
    assert direct[2] > 0.2
    found = dawid_skene.posterior(annotations, options).set_index("item").loc["narrow"].item()
    assert found == pytest.approx((direct[[0, 1]] / direct[[0, 1]].sum()).tolist())


def test_annotations_without_annotators_are_refused(crowd):
    annotations, _ = crowd(5, [0.9, 0.6], 2)
    annotations.loc[3:4, "annotator"] = None
    with pytest.raises(AnnobenchError, match="dawid-skene: found 2 of 10 annotations without"):
        dawid_skene.posterior(annotations, pd.Series(4, index=annotations["item"].unique()))
