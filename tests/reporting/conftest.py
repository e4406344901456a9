"""A made-up study with holes, as `evaluate` would write it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from annobench import clock, seeds, tables
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
RATES = {f"response-{rate}": np.full(10, 1 - rate / 75) for rate in (30, 50, 70)}
RESPONSES = {
    "zero-shot": {None: 0.65},
    "token-sft": {"response-30": 0.60, "response-50": 0.48, "response-70": 0.37},
    "self-label": {"response-30": 0.64, "response-50": 0.64, "response-70": 0.63},
    "self-select": {"response-30": 0.59, "response-50": 0.53, "response-70": 0.44},
    "self-rag": {"response-30": 0.65, "response-50": 0.65, "response-70": 0.64},
    "noise-al": {"response-30": 0.66, "response-50": 0.65, "response-70": 0.66},
    "generalised-cross-entropy": {"response-30": 0.62, "response-50": 0.55, "response-70": 0.40},
    "robustft": {"response-30": 0.68, "response-50": 0.68, "response-70": 0.67},
    "robustft-beta-75": {"response-30": 0.67, "response-50": 0.66, "response-70": 0.65},
    "robustft-no-checker": {"response-30": 0.65, "response-50": 0.65, "response-70": 0.64},
}
DIVERGED = {
    ("realm", "one-good", 2),
    ("robustft", "response-70", 2),
    ("shala", "ambiguity-linear", 2),
}
LOST = {
    ("majority", "linear"),
    ("self-select", "response-50"),
    ("jsd-grpo", "ambiguity-half-good"),
}
SETTINGS = {
    "sft": {"beta": 0.25},
    "majority": {"beta": 0.5},
    "dawid-skene": {"beta": 0.75},
    "robustft": {"beta": 0.5, "k": 3, "checker": "rule"},
    "robustft-beta-75": {"beta": 0.75, "k": 3, "checker": "rule"},
    "robustft-no-checker": {"beta": 0.5, "k": 3, "checker": None},
}
PROMPT = "A man in a $5 hat waits. A $6 hat is worn by nobody \U0001f3a9: " + "is it so? " * 12
JUDGES = ("realm", "robustft", "robustft-no-checker", "self-select")
CROWD = {f"realm-variant-{number}": 0.5 + number / 100 for number in range(10)}
LEARNS_EXPERTISE = ("dawid-skene", "realm", "shala-realm")
REWARDED = ("jsd-grpo", "shala", "shala-realm")
PEOPLES = {
    "zero-shot": {None: 0.50},
    "majority": {"ambiguity-half-good": 0.60, "ambiguity-linear": 0.62},
    "soft-labels": {"ambiguity-half-good": 0.61, "ambiguity-linear": 0.62},
    "realm": {"ambiguity-half-good": 0.66, "ambiguity-linear": 0.65},
    "jsd-grpo": {"ambiguity-half-good": 0.62, "ambiguity-linear": 0.63},
    "shala": {"ambiguity-half-good": 0.63, "ambiguity-linear": 0.64},
    "shala-realm": {"ambiguity-half-good": 0.67, "ambiguity-linear": 0.66},
}


TRAIN = 60
LABELLED = 60
"""The first test items, which come with people's labels."""
TASKS = ("arc", "openbookqa", "riddlesense", "piqa")
PARAMETERS = {"smollm2-135m": 134_515_008, "smollm2-360m": 361_821_120, "flan-t5-small": 76_961_152}
LABELS_PER_ITEM = {"half-good-1": 1, "half-good-5": 5}


@dataclass(frozen=True)
class Made:
    """What a made-up study is made of."""

    noises: tuple[str, ...] = tuple(LADDERS)
    methods: Mapping[str, dict] = field(default_factory=lambda: ACCURACY)
    tasks: tuple[str, ...] = ("geo",)
    annotators: int = 10
    gold: bool = True
    held_out: bool = False
    people: bool = False
    """Whether some test items come with people's labels, and models write distributions down."""

    def names(self) -> list[str]:
        return [f"a{i:02d}" for i in range(self.annotators)]


def items(made=Made()) -> pd.DataFrame:
    gold = seeds.generator("gold").integers(0, OPTIONS, ITEMS + TRAIN)
    if made.people:
        gold = humans().argmax(1)
    return pd.DataFrame(
        {
            "item": [f"i{i}" for i in range(ITEMS + TRAIN)],
            "task": np.resize(made.tasks, ITEMS + TRAIN),
            "split": ["test"] * ITEMS + ["train"] * TRAIN,
            "prompt": PROMPT if made.people else "?",
            "options": [list("abcd")] * (ITEMS + TRAIN),
            "gold": pd.array(gold if made.gold else [None] * len(gold), "Int64"),
            "distribution": [
                shares.tolist() if made.people and place < LABELLED else None
                for place, shares in enumerate(humans())
            ],
        }
    )


def humans() -> np.ndarray:
    """[items, OPTIONS] shares of 100 labels, from agreed to torn; no two options tie on top."""
    rng = seeds.generator("humans")
    torn = rng.permutation(np.linspace(0.05, 4, ITEMS + TRAIN))[:, None]
    chance = rng.gamma(np.repeat(torn, OPTIONS, axis=1)) + 1e-9
    counts = np.stack([rng.multinomial(99, row / row.sum()) for row in chance])
    counts[np.arange(len(counts)), counts.argmax(1)] += 1
    return counts / 100


def cell(made, dataset, model, method, noise, seed) -> CellResult:
    place = {"dataset": dataset, "model": model, "method": method, "noise": noise, "seed": seed}
    diverged = (method, noise, seed) in DIVERGED
    lost = (method, noise) in LOST
    place["settings"] = json.dumps(SETTINGS.get(method, {}))
    size = PARAMETERS.get(model, 10_000_000)
    if lost:
        reason = "needed 9 GiB"
        return CellResult(**place, status="out-of-memory", reason=reason, parameters=size)
    trained = method != "zero-shot"
    rng = seeds.generator(*map(str, (dataset, model, method, noise, seed)))
    cost = {
        "train_seconds": 15 + 3 * rng.random(),
        "total_seconds": 20 + 3 * rng.random(),
        "items_per_second": 70 + 9 * rng.random(),
        "peak_memory_bytes": int(1.2e9),
        "parameters": size,
        "trained_parameters": size // 8 if trained else 0,
        "history": history(rng, diverged, method) if trained else None,
    }
    if method in REWARDED:
        cost |= {"rollouts_per_second": 30 + 9 * rng.random(), "rollout_share": 0.8}
    if diverged:
        return CellResult(**place, status="diverged", reason="loss is NaN at step 40", **cost)
    learns = method in LEARNS_EXPERTISE
    chance = accuracy(made, method, noise) + 0.04 * np.log2(size / 134_515_008)
    return CellResult(
        **place,
        status="ok",
        predictions=written(rng, method, chance)
        if made.people
        else predictions(rng, min(chance, 0.95), dataset, seed),
        annotators=annotators(made, rng, noise) if learns else None,
        **cost,
    )


def accuracy(made, method, noise) -> float:
    return CROWD[method] if method in CROWD else made.methods[method].get(noise, 0.6)


def ladder(noise, annotators=10) -> np.ndarray:
    if "-good-" in noise:
        noise = noise.rpartition("-")[0]
    return np.resize((LADDERS | RATES).get(noise, LADDERS["linear"]), annotators)


def predictions(rng, accuracy, dataset, seed) -> pd.DataFrame:
    """Methods of one seed err on much the same items."""
    luck = seeds.generator("luck", dataset).random(ITEMS) * 0.7 + rng.random(ITEMS) * 0.3
    gold = items()["gold"].to_numpy(int)[:ITEMS]
    right = luck < np.quantile(luck, accuracy + 0.01 * ((seed or 0) - 1))
    scores = rng.normal(size=(ITEMS, OPTIONS))
    top = np.where(right, gold, (gold + 1) % OPTIONS)
    scores[np.arange(ITEMS), top] = scores.max(1) + rng.exponential(1, ITEMS)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return pd.DataFrame({"item": items()["item"][:ITEMS], "probabilities": p.tolist()})


def written(rng, method, quality) -> pd.DataFrame:
    """Distributions the nearer to people's the better the method is; one in ten answers cannot be
    read, and soft-labels was not asked for any."""
    human = humans()[:ITEMS]
    p = quality * human + (1 - quality) * rng.dirichlet(np.ones(OPTIONS), ITEMS)
    verbal = [None if rng.random() < 0.1 else row.round(2).tolist() for row in p]
    verbal = [row and (np.array(row) / sum(row)).tolist() for row in verbal]
    asked = method != "soft-labels"
    return pd.DataFrame(
        {
            "item": [f"i{i}" for i in range(ITEMS)],
            "probabilities": p.tolist(),
            "text": "{...}" if asked else None,
            "verbal": verbal if asked else None,
        }
    )


def truth(made, noise) -> pd.DataFrame:
    """Who is good differs from task to task."""
    true = np.stack(
        [np.roll(ladder(noise, made.annotators), 2 * t) for t in range(len(made.tasks))]
    )
    return pd.DataFrame(
        {
            "annotator": np.tile(made.names(), len(made.tasks)),
            "task": np.repeat(made.tasks, made.annotators),
            "expertise": true.ravel(),
            "accuracy": true.ravel() + (1 - true.ravel()) / OPTIONS,
        }
    )


def annotators(made, rng, noise) -> pd.DataFrame:
    true = truth(made, noise).drop(columns="accuracy")
    blur = rng.normal(0, 0.6, len(true))
    learned = 1 / (1 + np.exp(-(6 * (true["expertise"] - 0.45) + blur)))
    return true.assign(
        expertise=learned,
        annotations=120,
        low=learned / 2,
        high=(1 + learned) / 2,
        agreement=0.9,
        guessing=learned < 0.2,
    )


def crowd(made, dataset, noise, seed) -> Crowd:
    rng = seeds.generator("crowd", dataset, noise, str(seed))
    asked = items(made)
    known = items()
    if not made.held_out:
        asked, known = asked[ITEMS:], known[ITEMS:]
    true = truth(made, noise).set_index(["annotator", "task"])["accuracy"]
    rows = []
    for item, task, gold in zip(asked["item"], asked["task"], known["gold"], strict=True):
        many = min(LABELS_PER_ITEM.get(noise, 3), made.annotators)
        for who in rng.choice(made.names(), many, replace=False):
            right = rng.random() < true[who, task]
            rows.append((item, gold if right else (gold + 1) % OPTIONS, who))
    labels = pd.DataFrame(rows, columns=["item", "label", "annotator"])
    labels = labels.assign(text=None, corrupted=None)
    return Crowd(dataset, noise, seed, labels, truth(made, noise))


def history(rng, diverged, method) -> pd.DataFrame:
    steps = np.arange(STEPS)
    level = {"realm": 1.15, "clean": 0.7, "dawid-skene": 0.85}.get(method, 1.3)
    loss = level * (0.75 + 0.5 * np.exp(-steps / 20)) + rng.normal(0, 0.08, STEPS)
    reward = 0.9 - 0.4 * np.exp(-steps / 25) + rng.normal(0, 0.03, STEPS)
    parsed = 1 - 0.5 * np.exp(-steps / 8) * rng.random(STEPS)
    rewarded = method in REWARDED
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
            "reward": reward[: len(steps)] if rewarded else np.nan,
            "parsed": parsed[: len(steps)] if rewarded else np.nan,
            "kl": 0.02 if rewarded else np.nan,
        }
    )


def selection(cell: CellResult) -> pd.DataFrame:
    """Right answers have the smaller perplexities, and the smaller half is kept."""
    rng = seeds.generator("selection", *map(str, cell.key.values()))
    right = rng.random(120) < 0.6
    nll = rng.gamma(2, np.where(right, 0.15, 0.5))
    verdict = np.where(nll <= np.median(nll), "relabelled", "dropped")
    rows = pd.DataFrame({"item": [f"i{i}" for i in range(120)], "nll": nll, "verdict": verdict})
    rows["right"] = pd.array(right, "boolean")
    rows.loc[rows["verdict"] == "dropped", "right"] = pd.NA
    trusted = rows.assign(nll=None, verdict="trusted", right=True)
    both = pd.concat([rows, trusted]) if cell.status == "ok" else rows.iloc[:0]
    return both.assign(corrupted=True, suspicion=1.0, **cell.key)


def views(blocks) -> pd.DataFrame:
    """The reasoning view cannot always be read; one view nowhere."""
    rows = [
        (*block, view, 120, failures, 120 - failures, accuracy)
        for block in blocks
        for view, failures, accuracy in (("base", 0, 0.6), ("reasoning", 20, 0.7), ("x", 120, None))
    ]
    return pd.DataFrame(rows, columns=list(tables.VIEWS.names))


def write_study(folder: Path, blocks, made=Made()) -> StudyTables:
    cells = [
        cell(made, dataset, model, method, noise, seed)
        for dataset, model in blocks
        for method, means in made.methods.items()
        for noise in ([None] if None in means else made.noises)
        for seed in ([None] if method == "zero-shot" else range(3))
    ]
    datasets = dict.fromkeys(dataset for dataset, _ in blocks)
    crowds = [
        crowd(made, dataset, noise, seed)
        for dataset in datasets
        for noise in made.noises
        for seed in range(3)
    ]
    frames = evaluate(cells, {dataset: items(made) for dataset in datasets}, crowds)
    judged = [made_cell for made_cell in cells if made_cell.method in JUDGES]
    seen = frames.summary[frames.summary["method"].isin(JUDGES)]
    seen = seen[seen["metric"] == "accuracy"].assign(metric="detection-precision", rank=pd.NA)
    frames = replace(
        frames,
        summary=pd.concat([frames.summary, seen]),
        selection=pd.concat([tables.empty(tables.SELECTION), *map(selection, judged)]),
        views=views(blocks),
    )
    for name, schema in tables.STUDY_SCHEMAS.items():
        tables.write(folder / f"{name}.parquet", getattr(frames, name), schema)
    if blocks:
        with clock.noted(folder / "logs/times.jsonl", ["evaluate", "study.json"]):
            pass
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
    noises = (*LADDERS, "copying-annotators-linear", "confusable-option-linear")
    made = Made(noises, ACCURACY | {name: {} for name in CROWD})
    return write_study(tmp_path_factory.mktemp("crowd"), [("geo", "m")], made)


@pytest.fixture(scope="session")
def tasks_study(tmp_path_factory) -> StudyTables:
    """Four tasks, two model sizes, one to five labels per item."""
    made = Made(("half-good-1", "half-good", "half-good-5"), tasks=TASKS)
    blocks = [("mixed", "smollm2-135m"), ("mixed", "smollm2-360m")]
    return write_study(tmp_path_factory.mktemp("tasks"), blocks, made)


@pytest.fixture(scope="session")
def response_study(tmp_path_factory) -> StudyTables:
    """Ten methods under three rates of noise; one cell diverged, three are lost."""
    made = Made(tuple(RATES), RESPONSES, tasks=TASKS)
    return write_study(tmp_path_factory.mktemp("response"), [("mmlu", "llama")], made)


@pytest.fixture(scope="session")
def phrased_study(tmp_path_factory) -> StudyTables:
    """Three phrasings, two data sets, one noise."""
    made = Made(("response-50",), RESPONSES)
    blocks = [(d, f"llama-phrasing-{n}") for d in ("arc", "fpb") for n in range(3)]
    return write_study(tmp_path_factory.mktemp("phrased"), blocks, made)


@pytest.fixture(scope="session")
def blind_study(tmp_path_factory) -> StudyTables:
    """No gold label anywhere, but labels of test items."""
    made = Made(("observed",), gold=False, held_out=True)
    return write_study(tmp_path_factory.mktemp("blind"), [("own", "smollm2-135m")], made)


@pytest.fixture(scope="session")
def people_study(tmp_path_factory) -> StudyTables:
    """Seven methods on items with people's labels; one cell diverged, three are lost, and one
    method was not asked to write distributions."""
    made = Made(("ambiguity-half-good", "ambiguity-linear"), PEOPLES, people=True)
    return write_study(tmp_path_factory.mktemp("people"), [("chaosnli", "qwen")], made)


USERS = 40
GAPS = {"geo-small-gap": 0.62, "geo-large-gap": 0.78}
"""Data set -> true mu; where a model is compared with itself, no estimator finds any."""
SHARES = {"users-30": 0.3, "users-50": 0.5, "users-beta": None}
ESTIMATORS = ("beta", "continuous", "three-types", "two-types")
ALIGNED = {"dpo": 0.60, "dpo-users": 0.66, "dpo-oracle": 0.68, "dpo-random": 0.58}


def recovered(dataset, noise, seed) -> list[dict]:
    """The more comparisons, and the nearer mu, the better; one seed of three-types is refused."""
    mu = GAPS.get(dataset)
    share = SHARES[noise] or 0.5
    place = {"dataset": dataset, "noise": noise, "seed": seed, "users": USERS, "share_true": share}
    place["mu_true"] = true = round((mu or 0.5) + 0.004 * seed, 3)
    rng = seeds.generator("recovered", dataset, noise, str(seed))
    rows = []
    for estimator in ESTIMATORS:
        here = place | {"estimator": estimator}
        for n in (2, 5, 10, 20, 50):
            good = 1 - np.exp(-n * (true - 0.5) / 2) - 0.05 * rng.random()
            found = {
                "mu_found": true,
                "share": share * good,
                "precision": good,
                "recall": 1 - n / 99,
            }
            found |= {"auc": (1 + good) / 2, "mae": 0.5 - good / 3, "spearman": good}
            if mu is None or (estimator, seed, n) == ("three-types", 2, 2):
                found = {"reason": "mu: found no attentive users"}
            rows.append(here | {"comparisons": n} | found)
        for assumed in sorted({0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, true}):
            more = {"share": np.clip(share * (true - 0.5) / (assumed - 0.5 + 1e-9), 0, 1)}
            more |= {"precision": min(assumed, 1) - 0.05 * rng.random(), "recall": 1.4 - assumed}
            more["mu_found"] = assumed
            if assumed <= 0.5:
                more = {"reason": "mu: found 0.5; allowed: above 0.5"}
            rows.append(here | {"comparisons": 50, "mu": assumed} | more)
    return rows


def attentive_users(noise, seed, method) -> pd.DataFrame:
    rng = seeds.generator("attentive", noise, str(seed), method)
    share = SHARES[noise]
    true = rng.beta(2, 2, USERS) if share is None else (np.arange(USERS) < share * USERS) * 1.0
    learned = np.clip(true + rng.normal(0, 0.2, USERS), 0, 1)
    return pd.DataFrame(
        {
            "annotator": [f"u{n}" for n in range(USERS)],
            "task": "all",
            "expertise": learned,
            "true_expertise": true,
            "low": np.clip(learned - 0.2, 0, 1),
            "high": np.clip(learned + 0.2, 0, 1),
            "annotations": 50,
        }
    )


@pytest.fixture(scope="session")
def users_study(tmp_path_factory) -> StudyTables:
    """Two pairs of models and one model twice, three crowds of users, four methods, three seeds;
    one cell diverged in each. Made by hand, as estimators take their time."""
    folder = tmp_path_factory.mktemp("users")
    places = [(d, n) for d in (*GAPS, "one-model-twice") for n in SHARES]
    runs, metrics, summary, users, crowds, recovery = [], [], [], [], [], []
    for dataset, noise in places:
        for seed in range(3):
            draw = {"dataset": dataset, "noise": noise, "seed": seed}
            counts = {"annotators": USERS, "annotations": 50 * USERS, "items": 500}
            accuracy = 0.5 + (SHARES[noise] or 0.5) / 2 + seed / 100
            crowds.append(draw | counts | {"label_accuracy": accuracy})
            recovery += recovered(**draw)
        for method, level in ALIGNED.items():
            cell = {"dataset": dataset, "model": "smollm2-135m", "noise": noise, "method": method}
            bad = 2 if (method, noise) == ("dpo-users", "users-50") else None
            estimated = {"attentiveness-mae": 0.16, "expertise-spearman": 0.8, "filter-auc": 0.9}
            values = {"win-rate": level + (SHARES[noise] or 0.5) / 4, "filter-precision": 0.7}
            values |= {"filter-recall": 0.9, "target-accuracy": 0.8}
            values |= estimated if method == "dpo-users" else {}
            for seed in range(3):
                status = "diverged" if seed == bad else "ok"
                runs.append(cell | {"seed": seed, "status": status})
                if status == "ok" and method == "dpo-users":
                    users.append(attentive_users(noise, seed, method).assign(**cell, seed=seed))
                metrics += [
                    cell | {"seed": seed, "metric": m, "status": status, "n": 9, "value": v}
                    for m, v in values.items()
                ]
            found = {"seeds": 2 if bad else 3, "seeds_planned": 3, "items": 0}
            summary += [
                cell | found | {"metric": m, "mean": v, "low": v - 0.04, "high": v + 0.04}
                for m, v in values.items()
            ]
    made = {
        "runs": runs,
        "metrics": metrics,
        "summary": summary,
        "crowds": crowds,
        "recovery": recovery,
    }
    frames = {name: tables.frame(rows, tables.STUDY_SCHEMAS[name]) for name, rows in made.items()}
    frames["annotators"] = pd.concat(users, ignore_index=True)
    for name, schema in tables.STUDY_SCHEMAS.items():
        tables.write(folder / f"{name}.parquet", frames.get(name, tables.empty(schema)), schema)
    return StudyTables(folder)
