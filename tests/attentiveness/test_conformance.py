"""What every estimator owes (annobench/attentiveness/__init__)."""

import warnings
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from annobench.attentiveness import Choices
from annobench.errors import AnnobenchError
from annobench.estimators import estimate
from annobench.registry import component, kinds

KINDS = kinds("attentiveness")
MUS = [0.7, "scores", "joint"]
few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=[(kind, mu) for kind in KINDS for mu in MUS], ids=str)
def keys(request):
    kind, mu = request.param
    return component("attentiveness", kind).Settings(mu=mu)


@pytest.fixture(scope="module")
def some(choices_of, types):
    """Choices by 200 users of 1 to 30 comparisons, half of them attentive."""
    rng = np.random.default_rng(5)
    n = rng.integers(1, 31, 200)
    return choices_of(types(200, 0.5), n, rng.uniform(0.6, 0.9, n.sum()))


@st.composite
def any_choices(draw):
    """Choices by one to eight users, of one to twelve comparisons each."""
    counts = draw(st.lists(st.integers(1, 12), min_size=1, max_size=8))
    of_each = st.lists(st.booleans(), min_size=sum(counts), max_size=sum(counts))
    gaps = st.lists(st.floats(-40, 40), min_size=sum(counts), max_size=sum(counts))
    stronger, first, gap = draw(of_each), draw(of_each), draw(gaps)
    user = np.repeat(np.arange(len(counts)), counts)
    order = np.array(first) if draw(st.booleans()) else None
    return Choices(user, np.array(stronger), len(counts), order, np.array(gap))


def conforms(found, choices, threshold):
    each = found.attentiveness, found.low, found.high
    assert all(part.shape == (choices.users,) for part in (*each, found.kept))
    assert all(((part >= 0) & (part <= 1)).all() for part in each)
    assert (found.low <= found.high).all()
    assert found.kept.dtype == bool
    assert not found.kept[found.attentiveness < threshold - 1e-8].any()
    assert found.kept[found.attentiveness > threshold].all()
    assert 0 <= found.share <= 1
    assert found.mu is None or 0.5 < found.mu < 1
    rises = np.diff(found.log_likelihood)
    assert (rises >= -1e-12 * np.abs(found.log_likelihood[1:])).all()
    assert np.isfinite(found.log_likelihood).all()
    assert found.log_likelihood[-1] < 0


def test_the_estimate_of_some_choices(keys, some):
    conforms(estimate(some, keys), some, keys.threshold)


@pytest.mark.parametrize("mu", [0.7, "scores"])
@pytest.mark.parametrize("kind", KINDS)
@few
@given(choices=any_choices())
def test_the_estimate_of_any_choices(kind, mu, choices):
    assume(0 < choices.stronger.sum() < len(choices.stronger) and choices.gap.any())
    keys = component("attentiveness", kind).Settings(mu=mu)
    conforms(estimate(choices, keys), choices, keys.threshold)


@few
@given(
    q=st.floats(0.05, 0.95),
    mu=st.floats(0.6, 0.95),
    n=st.lists(st.integers(1, 40), min_size=100, max_size=100),
    seed=st.integers(0, 99),
)
def test_em_never_falls(keys, choices_of, types, q, mu, n, seed):
    choices = choices_of(types(100, q, seed), n, mu, seed)
    try:
        found = estimate(choices, keys)
    except AnnobenchError:
        assume(False)
    conforms(found, choices, keys.threshold)


def agree(one, other, users=slice(None)):
    """The same estimate of users who are counted in another order, as near as where EM stops, which
    rounding may move by a step; of an interval's ends, to a cell."""
    near = {"low": 0.021, "high": 0.021, "log_likelihood": 0.02}
    clear = np.abs(one.attentiveness - 0.5) > 2e-3
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        a = a[users] if np.shape(a) == one.kept.shape else a
        if field.name == "log_likelihood":
            a, b = a[-1], b[-1]
        if field.name == "kept":
            a, b = a[clear[users]], b[clear[users]]
        assert a is b is None or np.asarray(b, float) == pytest.approx(
            np.asarray(a, float), rel=1e-6, abs=near.get(field.name, 2e-3)
        )


def test_who_is_who_does_not_matter(keys, some):
    order = np.random.default_rng(0).permutation(some.users)
    renamed = replace(some, user=np.argsort(order)[some.user])
    agree(estimate(some, keys), estimate(renamed, keys), order)


def test_the_order_of_the_comparisons_does_not_matter(keys, some):
    order = np.random.default_rng(0).permutation(len(some.user))
    parts = {name: getattr(some, name)[order] for name in ("user", "stronger", "first", "gap")}
    agree(estimate(some, keys), estimate(replace(some, **parts), keys))


def test_the_threshold_alone_decides_who_is_kept(keys, some):
    found = estimate(some, keys)
    strict = estimate(some, keys.model_copy(update={"threshold": 0.9}))
    assert strict.attentiveness.tolist() == found.attentiveness.tolist()
    assert strict.kept.sum() < found.kept.sum()
    assert not (strict.kept & ~found.kept).any()


def test_attentive_users_are_told_from_careless_ones(keys, choices_of, types):
    rng = np.random.default_rng(2)
    attentive = types(500, 0.5)
    choices = choices_of(attentive, 60, rng.uniform(0.7, 0.9, 500 * 60))
    assert (estimate(choices, keys).kept == attentive).mean() > 0.93


def test_more_comparisons_make_narrower_intervals(keys, choices_of, types):
    widths = []
    for n in (10, 40, 160):
        found = estimate(choices_of(types(300, 0.5), n, 0.7), keys)
        widths.append((found.high - found.low).mean())
    assert widths[0] > widths[1] > widths[2]


def test_one_comparison_of_a_user_says_little(keys, choices_of, types):
    """It does no harm to the others' estimate, and leaves the interval wide."""
    many = choices_of(types(300, 0.5), 30, 0.7)
    alone = Choices(
        np.append(many.user, 300),
        np.append(many.stronger, True),
        301,
        np.append(many.first, False),
        np.append(many.gap, 0.8),
    )
    found, without = estimate(alone, keys), estimate(many, keys)
    assert found.high[300] - found.low[300] > 0.9
    assert found.attentiveness[300] > 0.05
    assert found.attentiveness[:300] == pytest.approx(without.attentiveness, abs=0.02)


def test_the_same_gap_everywhere_is_one_mu(keys, choices_of, types):
    choices = choices_of(types(200, 0.6), 20, 0.7)
    agree(
        replace(estimate(choices, keys.model_copy(update={"mu": "scores"})), mu=0.7),
        estimate(choices, keys.model_copy(update={"mu": 0.7})),
    )


def test_mu_is_said_where_there_is_one(keys, some):
    found = estimate(some, keys).mu
    assert {0.7: found == 0.7, "scores": found is None}.get(keys.mu, 0.6 < (found or 0) < 0.9)


def test_all_alike_are_refused(keys, some):
    for side in (True, False):
        alike = replace(some, stronger=np.full(len(some.user), side))
        with pytest.raises(AnnobenchError, match="not identifiable"):
            estimate(alike, keys)


def test_what_it_is_given_is_left_as_it_was(keys, some):
    before = [part.copy() for part in (some.user, some.stronger, some.first, some.gap)]
    estimate(some, keys)
    for part, was in zip((some.user, some.stronger, some.first, some.gap), before, strict=True):
        assert np.array_equal(part, was)


def test_no_warnings_reach_the_user(keys, some):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate(some, keys)


@pytest.mark.parametrize("kind", KINDS)
def test_a_coin_has_no_mu(kind, choices_of):
    choices = choices_of(np.zeros(300), 20, 0.7)
    with pytest.raises(AnnobenchError, match=r"mu: found no attentive users.*not identifiable"):
        estimate(choices, component("attentiveness", kind).Settings())
