"""A made-up study with holes, as `evaluate` would write it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from annobench import seeds, tables
from annobench.evaluation.cells import CellResult
from annobench.evaluation.crowds import Crowd
from annobench.evaluation.study import evaluate
from annobench.reporting.study_tables import StudyTables

ITEMS, OPTIONS, STEPS = 200, 4, 75
LADDERS = {
    "half-good": np.repeat([0.99, 0.01], 5),
    "one-good": np.array([0.99] + [0.01] * 9),
    "linear": np.linspace(0.05, 0.95, 10),
}
ACCURACY = {
    "zero-shot": {None: 0.585},
    "clean": {None: 0.70},
    "sft": {"half-good": 0.63, "one-good": 0.45, "linear": 0.62},
    "majority": {"half-good": 0.64, "one-good": 0.46, "linear": 0.65},
    "dawid-skene": {"half-good": 0.68, "one-good": 0.50, "linear": 0.67},
    "realm": {"half-good": 0.71, "one-good": 0.59, "linear": 0.68},
}
CROWD = {f"realm-variant-{number}": 0.5 + number / 100 for number in range(10)}
LEARNS_EXPERTISE = ("dawid-skene", "realm")


def items() -> pd.DataFrame:
    gold = seeds.generator("gold").integers(0, OPTIONS, ITEMS)
    return pd.DataFrame(
        {
            "item": [f"i{i}" for i in range(ITEMS)],
            "task": "geo",
            "split": "test",
            "prompt": "?",
            "options": [list("abcd")] * ITEMS,
            "gold": pd.array(gold, "Int64"),
            "distribution": None,
        }
    )


def cell(dataset, model, method, noise, seed) -> CellResult:
    place = {"dataset": dataset, "model": model, "method": method, "noise": noise, "seed": seed}
    diverged = method == "realm" and noise == "one-good" and seed == 2
    lost = method == "majority" and noise == "linear"
    if lost:
        return CellResult(**place, status="out-of-memory", reason="needed 9 GiB")
    trained = method != "zero-shot"
    rng = seeds.generator(*map(str, place.values()))
    cost = {
        "train_seconds": 15 + 3 * rng.random(),
        "total_seconds": 20 + 3 * rng.random(),
        "items_per_second": 70 + 9 * rng.random(),
        "peak_memory_bytes": int(1.2e9),
        "history": history(rng, diverged, method) if trained else None,
    }
    if diverged:
        return CellResult(**place, status="diverged", reason="loss is NaN at step 40", **cost)
    learns = method in LEARNS_EXPERTISE
    return CellResult(
        **place,
        status="ok",
        predictions=predictions(rng, accuracy(method, noise), dataset, seed),
        annotators=annotators(rng, noise) if learns else None,
        **cost,
    )


def accuracy(method, noise) -> float:
    return CROWD[method] if method in CROWD else ACCURACY[method].get(noise, 0.6)


def ladder(noise) -> np.ndarray:
    return LADDERS.get(noise, LADDERS["linear"])


def predictions(rng, accuracy, dataset, seed) -> pd.DataFrame:
    """Methods of one seed err on much the same items."""
    luck = seeds.generator("luck", dataset).random(ITEMS) * 0.7 + rng.random(ITEMS) * 0.3
    gold = items()["gold"].to_numpy(int)
    right = luck < np.quantile(luck, accuracy + 0.01 * ((seed or 0) - 1))
    scores = rng.normal(size=(ITEMS, OPTIONS))
    top = np.where(right, gold, (gold + 1) % OPTIONS)
    scores[np.arange(ITEMS), top] = scores.max(1) + rng.exponential(1, ITEMS)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return pd.DataFrame({"item": items()["item"], "probabilities": p.tolist()})


def truth(noise) -> pd.DataFrame:
    true = ladder(noise)
    names = [f"a{i}" for i in range(10)]
    accuracy = true + (1 - true) / OPTIONS
    return pd.DataFrame(
        {"annotator": names, "task": "geo", "expertise": true, "accuracy": accuracy}
    )


def annotators(rng, noise) -> pd.DataFrame:
    learned = 1 / (1 + np.exp(-(6 * (ladder(noise) - 0.45) + rng.normal(0, 0.6, 10))))
    return truth(noise).drop(columns="accuracy").assign(expertise=learned, annotations=120)


def crowd(dataset, noise, seed) -> Crowd:
    none = tables.empty(tables.ANNOTATIONS)
    return Crowd(dataset, noise, seed, none, truth(noise))


def history(rng, diverged, method) -> pd.DataFrame:
    steps = np.arange(STEPS)
    level = {"realm": 1.15, "clean": 0.7, "dawid-skene": 0.85}.get(method, 1.3)
    loss = level * (0.75 + 0.5 * np.exp(-steps / 20)) + rng.normal(0, 0.08, STEPS)
    if diverged:
        steps, loss = steps[:40], np.append(loss[:39], np.nan)
    return pd.DataFrame(
        {
            "step": steps,
            "epoch": 3 * (steps + 1) / STEPS,
            "loss": np.nan_to_num(loss, nan=np.inf),
            "learning_rate": 5e-5 * (1 - steps / STEPS),
            "seconds": steps * 0.2,
            "items_per_second": 75.0,
        }
    )


def write_study(folder: Path, blocks, noises=tuple(LADDERS), methods=ACCURACY) -> StudyTables:
    cells = [
        cell(dataset, model, method, noise, seed)
        for dataset, model in blocks
        for method, means in methods.items()
        for noise in ([None] if None in means else noises)
        for seed in ([None] if method == "zero-shot" else range(3))
    ]
    datasets = dict.fromkeys(dataset for dataset, _ in blocks)
    crowds = [crowd(d, noise, seed) for d in datasets for noise in noises for seed in range(3)]
    frames = evaluate(cells, {dataset: items() for dataset in datasets}, crowds)
    for name, schema in tables.STUDY_SCHEMAS.items():
        tables.write(folder / f"{name}.parquet", getattr(frames, name), schema)
    return StudyTables(folder)


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> StudyTables:
    """One data set, three noises, six methods, three seeds; one cell diverged, three are lost."""
    return write_study(tmp_path_factory.mktemp("study"), [("geo", "smollm2-135m")])


@pytest.fixture(scope="session")
def empty_study(tmp_path_factory) -> StudyTables:
    """A study of no cells."""
    return write_study(tmp_path_factory.mktemp("empty"), blocks=())


@pytest.fixture(scope="session")
def large_study(tmp_path_factory) -> StudyTables:
    """Two data sets, two models."""
    blocks = [(d, m) for d in ("geo", "openbookqa") for m in ("smollm2-135m", "flan-t5-small")]
    return write_study(tmp_path_factory.mktemp("large"), blocks)


@pytest.fixture(scope="session")
def crowded_study(tmp_path_factory) -> StudyTables:
    """Sixteen methods under five noises of long names."""
    noises = [*LADDERS, "copying-annotators-linear", "confusable-option-linear"]
    methods = ACCURACY | {name: {} for name in CROWD}
    return write_study(tmp_path_factory.mktemp("crowd"), [("geo", "m")], noises, methods)
