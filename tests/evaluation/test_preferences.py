"""Cells of aligned models on pairs of responses, from hand-made predictions to comparisons."""

import numpy as np
import pandas as pd
import pytest

from annobench.evaluation.cells import CellResult
from annobench.evaluation.measures import preference_metrics
from annobench.evaluation.preferences import aligned
from annobench.evaluation.study import evaluate

GOLD = [0, 1, 0, 1, None, 0]
REWARDS = [[2.0, 1.0], [2.0, 1.0], [-1.0, -1.0], [-3.0, 0.0], [1.0, 0.0], [0.1, 0.0]]
WIN = [1.0, 0.5, 0.0, 1.0, 1.0, 1.0]
KL = [0.5, -0.1, 0.2, 0.0, 0.3, 0.3]


@pytest.fixture
def items() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [f"t{n}" for n in range(6)],
            "task": "chat",
            "split": "test",
            "prompt": "?",
            "options": [["x", "y"]] * 6,
            "gold": pd.array(GOLD, "Int64"),
            "distribution": None,
            "answers": None,
            "sources": [["big", "small"]] * 6,
            "scores": None,
        }
    )


def cell(method, seed=0, status="ok", **columns) -> CellResult:
    """Predictions in another order than the items'."""
    frame = pd.DataFrame({"item": [f"t{n}" for n in range(6)], "probabilities": [[0.7, 0.3]] * 6})
    frame = frame.assign(**{k: pd.Series(v, dtype=object) for k, v in columns.items()}).iloc[::-1]
    return CellResult("chat", "m", method, None, seed, status, predictions=frame)


DPO = {"rewards": REWARDS, "win": WIN, "kl": KL, "text": ["a response"] * 6}


def value(frames, method, metric, column="value"):
    return frames.metrics.set_index(["method", "metric"]).loc[(method, metric), column]


def test_by_hand(items):
    frames = evaluate([cell("dpo", **DPO), cell("zero-shot")], {"chat": items})
    assert value(frames, "dpo", "reward-accuracy") == pytest.approx((1 + 0 + 0.5 + 1 + 1) / 5)
    assert value(frames, "dpo", "win-rate") == pytest.approx(4.5 / 6)
    assert value(frames, "dpo", "kl-start") == pytest.approx(1.2 / 6)
    assert value(frames, "dpo", "accuracy") == pytest.approx(3 / 5)


def test_an_own_response_is_no_distribution_that_could_not_be_read(items):
    found = set(evaluate([cell("dpo", **DPO)], {"chat": items}).metrics["metric"])
    assert found == {"accuracy", "nll", "ece", *preference_metrics()}


def test_only_aligned_models_have_these_measures(items):
    lost = CellResult("chat", "m", "dpo", None, 1, "diverged", "loss is NaN")
    frames = evaluate([cell("dpo", **DPO), lost, cell("zero-shot")], {"chat": items})
    rows = frames.metrics[frames.metrics["metric"].isin(preference_metrics())]
    assert set(rows["method"]) == {"dpo"}
    assert rows.loc[rows["seed"] == 1, "reason"].tolist() == ["loss is NaN"] * 3
    summary = frames.summary.set_index("metric").loc["win-rate"]
    assert (summary["seeds"], summary["seeds_planned"], summary["rank"]) == (1, 2, 1)
    assert summary["low"] < 0.75 < summary["high"]


def test_a_measure_whose_column_is_null_is_left_out(items):
    frames = evaluate([cell("dpo", rewards=REWARDS)], {"chat": items})
    assert set(frames.metrics["metric"]) == {"accuracy", "nll", "ece", "reward-accuracy"}


def test_methods_are_compared_on_the_same_prompts(items):
    worse = DPO | {"win": [0.0] * 6, "kl": [1.0] * 6}
    frames = evaluate([cell("dpo", **DPO), cell("dpo-all", **worse)], {"chat": items})
    pairs = frames.comparisons.set_index("metric")
    assert pairs.loc["win-rate", "difference"] == pytest.approx(0.75)
    assert pairs.loc["kl-start", "difference"] == pytest.approx(-0.8)
    assert pairs.loc["reward-accuracy", ["difference", "low", "high"]].tolist() == [0, 0, 0]
    ranks = frames.summary.set_index(["metric", "method"])["rank"]
    assert ranks["win-rate", "dpo"] == ranks["kl-start", "dpo"] == 1


def test_prompts_of_which_nothing_is_known_do_not_count(items):
    frames = evaluate([cell("dpo", win=[1.0, None, None, 0.0, None, 1.0])], {"chat": items})
    assert value(frames, "dpo", "win-rate") == pytest.approx(2 / 3)


def test_other_data_have_none_of_it(items):
    frames = evaluate([cell("dpo", **DPO)], {"chat": items.assign(sources=None)})
    assert not set(frames.metrics["metric"]) & set(preference_metrics())
    assert frames.recovery.empty


def test_predictions_without_any_reward_are_of_no_aligned_model():
    bare = pd.DataFrame({"item": ["t"], "probabilities": [[1.0, 0.0]]})
    assert aligned(bare) is None
    found = aligned(bare.assign(kl=0.5))
    assert found is not None
    assert np.isnan(found.rewards).all()
    assert found.kl.tolist() == [0.5]
