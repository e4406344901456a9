import csv
from importlib.resources import files
from pathlib import Path

import pytest

from annobench import costs
from annobench.registry import kinds
from annobench.study import parse_study, read_study

STUDY = {
    "study": "costs",
    "seeds": [0],
    "datasets": {"geo": {"train": 100, "test": 50}},
    "models": {
        "base": {
            "source": "hub:google/flan-t5-base@7bcac572ce56db69c1ea7c8af255c5d7c9672fc2",
            "tune": {"kind": "full"},
        }
    },
    "noise": {"half-good": {"kind": "expertise"}},
    "methods": {"sft": {}},
    "training": {"epochs": 2},
}
H200 = "NVIDIA H200 (assumed)"


def rows(name):
    text = files(costs).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def changed(**blocks):
    return costs.estimate(parse_study(STUDY | blocks, "study"))


def test_a_study_by_hand():
    """2 epochs of 100 items at 6 N and 150 predictions at 2 N, N for geo's 22 tokens."""
    passed = 84953472 * 22 + 137948544
    rated = 84953472 * 60 + 137948544
    seconds = (6 * 200 + 2 * 150) * passed / (6300 * 6 * rated) + costs.START_SECONDS
    found = changed()
    assert found.hours[H200] == pytest.approx(seconds / 3600)
    assert found.disk_bytes == pytest.approx(150 * 400 + 4 * 247577856)
    assert found.unknown == ()


def test_more_seeds_cost_more_time_and_share_the_model():
    one, two = changed(), changed(seeds=[0, 1])
    assert two.hours[H200] == pytest.approx(2 * one.hours[H200])
    assert two.disk_bytes - one.disk_bytes == pytest.approx(150 * 400)


def test_what_is_not_known_is_named_and_left_out():
    models = STUDY["models"] | {"mine": {"source": "path:folder", "tune": {"kind": "full"}}}
    found = changed(models=models)
    assert found.unknown == ("the size of model mine",)
    assert found.hours == changed().hours


def test_a_method_that_does_not_train_costs_its_predictions():
    passed = 84953472 * 22 + 137948544
    rated = 84953472 * 60 + 137948544
    seconds = 2 * 150 * passed / (6300 * 6 * rated) + costs.START_SECONDS
    assert changed(methods={"zero-shot": {}}).hours[H200] == pytest.approx(seconds / 3600)


def test_every_kind_of_data_has_its_tokens():
    assert {row["kind"] for row in rows("tokens.csv")} == set(kinds("data"))


@pytest.mark.parametrize("table", ["rates.csv", "tokens.csv", "models.csv"])
def test_every_number_has_its_source(table):
    assert all(row["source"] for row in rows(table))
    assert all(row.get("basis", "measured") in ("measured", "assumed") for row in rows(table))


def test_the_quick_study_took_what_is_estimated():
    """40 cells of the quick study took 0.20 hours of one thread, two of them side by side."""
    hours = costs.estimate(read_study(Path(__file__).parents[1] / "config.yaml")).hours[
        "one CPU thread (measured)"
    ]
    assert 0.1 < hours < 0.4
