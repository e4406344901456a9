import numpy as np
import pytest

from annobench import user_table
from annobench.attentiveness import Choices, Estimate
from annobench.comparisons import Comparisons
from annobench.errors import AnnobenchError

CHOICES = Choices(
    user=np.array([0, 1, 0, 1, 0, 2, 2, 0]),
    stronger=np.array([1, 0, 1, 1, 1, 0, 0, 0], dtype=bool),
    users=3,
)
FOUND = Comparisons(CHOICES, ["Zoë", "bob, jr", "cleo"], "large", "small", 2, None, None)
SAID = Estimate(
    attentiveness=np.array([0.9, 0.5, 0.1]),
    low=np.array([0.5, 0.0, 0.0]),
    high=np.array([1.0, 1.0, 0.4]),
    kept=np.array([True, False, False]),
    share=0.45,
    mu=0.75,
    log_likelihood=np.array([-5.0]),
)


def test_one_row_per_user():
    assert user_table.table(FOUND, SAID).to_csv(index=False, float_format="%.4f").splitlines() == [
        "user,comparisons,chose_stronger,attentiveness,low,high,keep",
        "Zoë,4,3,0.9000,0.5000,1.0000,keep",
        '"bob, jr",2,1,0.5000,0.0000,1.0000,drop',
        "cleo,2,0,0.1000,0.0000,0.4000,drop",
    ]


def test_the_summary_counts_what_is_kept():
    assert user_table.summary(FOUND, SAID).splitlines() == [
        "3 users, 8 comparisons; users left out: 2",
        "stronger model: large, chosen in 50.0%",
        "an attentive user chooses it with probability mu: 0.750",
        "mean attentiveness of all users: 0.450",
        "kept: 1 users (33.3%), 4 comparisons (50.0%)",
    ]


@pytest.mark.parametrize(
    ("kind", "keys", "message"),
    [
        ("two-type", {}, "'two-type' is unknown: did you mean 'two-types'?"),
        ("two-types", {"mu": "0.4"}, "not identifiable"),
        ("two-types", {"mu": "0,8"}, "found '0,8'; allowed: a valid number"),
        ("two-types", {"threshold": -1.0}, "threshold: found -1.0"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(kind, keys, message):
    with pytest.raises(AnnobenchError) as caught:
        user_table.estimated(FOUND, kind, **keys)
    assert message in str(caught.value)


def test_keys_that_are_none_are_the_estimators_own():
    found = user_table.estimated(FOUND, "two-types", mu="0.9", threshold=None)
    assert found.mu == 0.9
    assert (np.diff(found.attentiveness) < 0).all()
    assert (found.kept == (found.attentiveness > 0.5)).all()
