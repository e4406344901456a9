from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
import torch

from annobench.methods import Given
from annobench.models.decoder import DecoderScorer
from annobench.models.encoder_decoder import EncoderDecoderScorer
from annobench.models.settings import Full, Model
from annobench.models.tokens import TokenItem
from annobench.models.tuning import tuned
from annobench.registry import component
from annobench.training.loop import Checkpointing, Objective
from annobench.training.rows import rows_of

ANNOTATORS = ["ann", "bob", "cat", "dan"]
NAMES = [f"q{number}" for number in range(12)]


@dataclass
class Watch:
    """Notes what a scorer was asked for; interrupts one call after its first chunk, or runs out of
    memory after a row that is larger than it may be."""

    stop_at: int | None = None
    largest: int | None = None
    """Most items that a row may hold."""
    large_from: int = 1
    """The call from which on that holds."""
    seen: Counter = field(default_factory=Counter)
    """How often each item was scored."""
    calls: list = field(default_factory=list)
    """The item numbers of each call of `chunks`."""

    def over(self, numbers, chunks):
        self.calls.append(numbers.tolist())
        for chosen, scores in chunks:
            self.seen.update(chosen.tolist())
            yield chosen, scores
            if len(self.calls) == self.stop_at:
                raise KeyboardInterrupt
            if self.largest and len(self.calls) >= self.large_from and len(chosen) > self.largest:
                raise torch.OutOfMemoryError("CUDA out of memory")


@dataclass
class WatchedDecoder(DecoderScorer):
    watch: Watch = field(default_factory=Watch)

    def chunks(self, numbers):
        return self.watch.over(numbers, super().chunks(numbers))


@dataclass
class WatchedEncoderDecoder(EncoderDecoderScorer):
    watch: Watch = field(default_factory=Watch)

    def chunks(self, numbers):
        return self.watch.over(numbers, super().chunks(numbers))


@pytest.fixture(scope="session")
def token_items():
    """Twelve items of two to four options; some share prompts, some options have two tokens."""
    rng = np.random.default_rng(0)
    found = []
    for number, name in enumerate(NAMES):
        prompt = (2, 3, 4, *rng.integers(5, 9, 1 + number % 3).tolist())
        answers = rng.choice(np.arange(20, 40), 4, replace=False).tolist()
        options = [(a,) if a % 2 else (a, 50) for a in answers[: 2 + number % 3]]
        found.append(TokenItem(name, tuple(prompt), tuple(options)))
    return found


@pytest.fixture(scope="session")
def targets(token_items):
    """One to four annotations per item but the last, which has none: targets of SFT and REALM."""
    rng = np.random.default_rng(1)
    rows = []
    for number, item in enumerate(token_items[:-1]):
        for who in rng.choice(ANNOTATORS, 1 + number % 4, replace=False):
            label = np.eye(len(item.options))[rng.integers(len(item.options))].tolist()
            rows.append((item.item, str(who), label, 1.0, True, "annotation"))
    columns = ["item", "annotator", "distribution", "weight", "kept", "reason"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def objective(targets):
    """objective(kind, **settings): what a method minimises over `targets`."""

    def make(kind, **settings):
        method = component("methods", kind)
        items = pd.DataFrame({"item": NAMES, "task": "any"})
        given = Given(items, targets[["annotator"]])
        rows = rows_of(targets, items, ANNOTATORS, ["any"])
        return Objective(method, method.Settings(**settings), given, rows)

    return make


@pytest.fixture
def scorer(build, token_items):
    """scorer(family, row_tokens, stop_at, tune, watch, **changes): a watched scorer of a model."""

    def make(family="llama", row_tokens=1000, stop_at=None, tune=None, watch=None, **changes):
        kind = WatchedEncoderDecoder if family == "t5" else WatchedDecoder
        settings = Model(source="path:any", tune=tune or Full())
        model = tuned(build(family, **changes), settings, ("model", 0))
        watch = watch or Watch(stop_at)
        return kind(model, token_items, "sum", row_tokens, torch.device("cpu"), watch=watch)

    return make


@pytest.fixture
def large_rows():
    """large_rows(largest, since): a watch that runs out of memory in rows of more items."""
    return lambda largest, since=1: Watch(largest=largest, large_from=since)


@pytest.fixture
def saving(tmp_path):
    """Never saves."""
    return Checkpointing(tmp_path / "checkpoint.safetensors", float("inf"), "recipe")


TOLERANCES = {
    "fp32": {"losses": (5e-6, 1.5e-6), "numbers": (2e-4, 1e-8)},
    "bf16": {"losses": (5e-2, 1e-2), "numbers": (1e-2, 5e-5)},
}
"""Largest difference and mean signed difference of two trajectories of nine steps or so of 1e-3:
about five to ten times the largest that were seen, over all layouts, methods and models. Numbers
move by 2e-3 on the mean and by 5e-3 at most. In bf16 AdamW may take a number whose gradient is
about 0 either way, so there the largest difference says little, and the mean all the more."""


@pytest.fixture(scope="session")
def one_trajectory():
    """one_trajectory(found, wanted, precision, what): both are losses [steps] and, in one row, all
    numbers that were trained; they may differ by rounding."""

    def check(found, wanted, precision="fp32", what=""):
        for name, one, other in zip(("losses", "numbers"), found, wanted, strict=True):
            difference = np.asarray(one, float) - np.asarray(other, float)
            largest, mean = TOLERANCES[precision][name]
            where = f"{what} {precision} {name}".strip()
            assert np.abs(difference).max() < largest, where
            assert np.abs(difference.mean()) < mean, where

    return check
