"""What is measured on test items: the modules of metrics, and which way each measure points."""

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Protocol, cast

import numpy as np

from annobench import registry
from annobench.evaluation import VERBAL, heldout
from annobench.evaluation.distributions import Human
from annobench.evaluation.metrics import accuracy
from annobench.evaluation.preferences import Aligned

VERBAL_ACCURACY = f"{VERBAL}accuracy"


class Metric(Protocol):
    """A module of `evaluation.metrics`."""

    LABEL: str
    HIGHER_IS_BETTER: bool

    @staticmethod
    def value(
        probabilities: np.ndarray, gold: np.ndarray, weights: np.ndarray, /
    ) -> np.ndarray: ...


class TextMetric(Protocol):
    """A module of `evaluation.text_metrics`."""

    LABEL: str
    HIGHER_IS_BETTER: bool

    @staticmethod
    def score(text: str, answers: Sequence[str], /) -> float: ...


class DistributionMetric(Protocol):
    """A module of `evaluation.distribution_metrics`."""

    LABEL: str
    HIGHER_IS_BETTER: bool

    @staticmethod
    def value(p: np.ndarray, human: Human, weights: np.ndarray, /) -> np.ndarray: ...


class PreferenceMetric(Protocol):
    """A module of `evaluation.preference_metrics`."""

    LABEL: str
    HIGHER_IS_BETTER: bool

    @staticmethod
    def scores(aligned: Aligned, gold: np.ndarray, /) -> np.ndarray: ...


def item_metrics() -> dict[str, Metric]:
    """Every metric of `evaluation.metrics`, by kind."""
    return {kind: cast("Metric", module) for kind, module in _modules("evaluation.metrics")}


def text_metrics() -> dict[str, TextMetric]:
    """Every metric of `evaluation.text_metrics`, by kind."""
    package = "evaluation.text_metrics"
    return {kind: cast("TextMetric", module) for kind, module in _modules(package)}


def distribution_metrics() -> dict[str, DistributionMetric]:
    """Every metric of `evaluation.distribution_metrics`, by kind."""
    package = "evaluation.distribution_metrics"
    return {kind: cast("DistributionMetric", module) for kind, module in _modules(package)}


def preference_metrics() -> dict[str, PreferenceMetric]:
    """Every metric of `evaluation.preference_metrics`, by kind."""
    package = "evaluation.preference_metrics"
    return {kind: cast("PreferenceMetric", module) for kind, module in _modules(package)}


def directions() -> dict[str, bool]:
    """Every measure that methods are ranked by -> whether it is better when it is higher."""
    shares = {kind: metric.HIGHER_IS_BETTER for kind, metric in distribution_metrics().items()}
    return (
        {kind: metric.HIGHER_IS_BETTER for kind, metric in item_metrics().items()}
        | {kind: metric.HIGHER_IS_BETTER for kind, metric in text_metrics().items()}
        | shares
        | {kind: metric.HIGHER_IS_BETTER for kind, metric in preference_metrics().items()}
        | {VERBAL + kind: higher for kind, higher in shares.items()}
        | {VERBAL_ACCURACY: accuracy.HIGHER_IS_BETTER, heldout.NAME: heldout.HIGHER_IS_BETTER}
    )


def optional(measure: str) -> bool:
    """Whether cells may do without it: those that were not asked to write distributions down, or
    whose model was not aligned."""
    return measure.startswith(VERBAL) or measure in registry.kinds("evaluation.preference_metrics")


def _modules(package: str) -> Iterator[tuple[str, ModuleType]]:
    return ((kind, registry.component(package, kind)) for kind in registry.kinds(package))
