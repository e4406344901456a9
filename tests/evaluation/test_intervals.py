import time
from functools import partial

import numpy as np
import pytest

from annobench.evaluation.intervals import (
    adjusted,
    centred,
    interval,
    p_value,
    resample_items,
    resample_seeds,
    seed_counts,
)
from annobench.evaluation.metrics import accuracy, ece, nll


def binary(correct: np.ndarray) -> np.ndarray:
    """Predictions that hit option 0 where `correct`."""
    return np.where(correct[:, None], [0.8, 0.2], [0.2, 0.8])


def scores(metrics, predictions, gold):
    return [partial(m.value, p, gold) for m in metrics for p in predictions]


def mean_draws(correct: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    gold = np.zeros(correct.shape[1], int)
    found = scores([accuracy], [binary(row) for row in correct], gold)
    draws = resample_items(found, len(gold), rng, resamples)
    return resample_seeds(draws, seed_counts(*draws.shape, rng))


def test_the_first_draw_is_the_study_as_run():
    correct = np.array([[1, 1, 0, 1], [0, 1, 0, 1]], bool)
    found = interval(mean_draws(correct, np.random.default_rng(0), 200))
    assert found.mean == pytest.approx(5 / 8)
    assert found.low < found.mean < found.high


def test_items_variance_is_binomial():
    correct = np.arange(200)[None] < 140
    draws = mean_draws(correct, np.random.default_rng(0), 4000)[1:]
    assert draws.std() == pytest.approx(np.sqrt(0.7 * 0.3 / 200), rel=0.05)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_seed_variance_is_unbiased(seeds):
    """Without item variance the draws' variance is s^2 / S, with s^2 the unbiased one."""
    values = np.random.default_rng(1).normal(size=seeds)
    counts = seed_counts(seeds, 40_001, np.random.default_rng(0))
    draws = resample_seeds(np.tile(values[:, None], 40_001), counts)
    assert draws[0] == pytest.approx(values.mean())
    assert draws[1:].var() == pytest.approx(values.var(ddof=1) / seeds, rel=0.03)


def test_one_seed_has_no_seed_variance():
    draws = np.arange(5.0)[None]
    counts = seed_counts(1, 5, np.random.default_rng(0))
    assert resample_seeds(draws, counts).tolist() == [0, 1, 2, 3, 4]


def test_difference_of_means_is_mean_of_differences():
    a, b = np.random.default_rng(0).random((2, 3, 101))
    counts = seed_counts(3, 101, np.random.default_rng(7))
    means = [resample_seeds(x, counts) for x in (a, b, a - b)]
    assert means[0] - means[1] == pytest.approx(means[2])


def test_all_metrics_see_the_same_items():
    rng = np.random.default_rng(0)
    p, gold = rng.dirichlet(np.ones(3), 50), rng.integers(0, 3, 50)
    found = scores([accuracy, nll], [p, p], gold)
    both = resample_items(found, 50, np.random.default_rng(1), 300)
    alone = resample_items(found[-1:], 50, np.random.default_rng(1), 300)
    assert both.shape == (4, 301)
    assert (both[2] == both[3]).all()
    assert (both[3] == alone[0]).all()


def coverage(seed_spread: float, interaction: bool, seeds: int, trials: int = 400) -> float:
    """Share of studies whose interval holds the true mean, seeds and items both drawn anew."""
    rng = np.random.default_rng(11)
    items, covered, truth = 150, 0, 0.65
    for _ in range(trials):
        ability = truth + seed_spread * rng.uniform(-1, 1, (seeds, 1))
        luck = rng.random((seeds if interaction else 1, items))
        found = interval(mean_draws(luck < ability, rng, 400))
        covered += found.low <= truth <= found.high
    return covered / trials


def test_coverage_of_items_alone():
    assert 0.92 <= coverage(0.0, interaction=False, seeds=1) <= 0.97


def test_coverage_of_seeds_and_items():
    """Five seeds whose true accuracies differ with sd 0.046, item sd of the mean 0.039."""
    assert 0.92 <= coverage(0.08, interaction=False, seeds=5) <= 0.98


def test_independent_errors_make_the_crossed_bootstrap_wide_and_never_narrow():
    """Owen 2007: the interaction's variance is counted up to three times."""
    assert coverage(0.0, interaction=True, seeds=3) >= 0.97


def test_ignoring_the_seeds_would_not_cover():
    """The case above is a real test: with one seed's view of it, the interval is too short."""
    assert coverage(0.08, interaction=False, seeds=1) < 0.85


def test_resampling_adds_to_ece_and_centring_takes_it_away():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 300)
    p = np.stack([confidence, 1 - confidence], -1)
    gold = (rng.random(300) > confidence).astype(int)  # calibrated
    draws = resample_items(scores([ece], [p], gold), len(gold), rng)[0]
    assert draws[1:].mean() > draws[0] + 0.01
    found = interval(centred(draws))
    assert found.mean == draws[0]
    assert found.low < found.mean < found.high


def test_p_value_by_hand():
    draws = np.array([0.3, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert p_value(draws) == pytest.approx(2 * (2 + 1) / (9 + 1))
    assert p_value(np.array([9.0] * 2000)) == pytest.approx(2 / 2000)
    assert p_value(np.zeros(11)) == 1


def test_resamples_on_which_a_metric_is_not_defined_are_left_out():
    rng = np.random.default_rng(0)
    draws = rng.normal(0.1, 0.05, 101)
    holes = np.insert(draws, [1, 7, 50], np.nan)
    assert interval(centred(holes)) == pytest.approx(interval(centred(draws)))
    assert p_value(holes) == p_value(draws)


def test_adjusted_is_benjamini_hochberg():
    found = adjusted(np.array([0.01, 0.04, 0.03, 0.005]))
    assert found == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert len(adjusted(np.array([]))) == 0


def test_forty_cells_in_seconds():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 4, 600)
    cells = [rng.dirichlet(np.ones(4), 600) for _ in range(40)]
    start = time.perf_counter()
    resample_items(scores([accuracy, nll, ece], cells, gold), 600, rng)
    assert time.perf_counter() - start < 5
