"""How measures are printed, and which of them a table or figure may ask for."""

from types import ModuleType
from typing import Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema

from annobench import registry
from annobench.evaluation import METRICS, VERBAL

DISTRIBUTIONS = "evaluation.distribution_metrics"
Reading = Literal["options", "verbal"]
"""Which of a model's distributions is measured: its probabilities of the options, or the one that
it wrote down."""
WRITTEN = {"options": "of the options", "verbal": "written"}
HELD_OUT = "heldout-nll"
AGREEMENTS = {
    "target-accuracy": True,
    "expertise-spearman": True,
    "detection-precision": True,
    "detection-recall": True,
    "detection-auc": True,
    "relabel-accuracy": True,
    "lost-correct": False,
    "lost-hard": False,
    "unread-answers": False,
    "unparsed": False,
    "attentiveness-mae": False,
    "filter-precision": True,
    "filter-recall": True,
    "filter-auc": True,
}
"""Whether each is better when it is higher."""
_JUDGED = ("accuracy", *registry.kinds(DISTRIBUTIONS))
MEASURES = (
    *(kind for package in METRICS for kind in registry.kinds(package)),
    *(VERBAL + kind for kind in _JUDGED),
    HELD_OUT,
    *AGREEMENTS,
)


def _measure(name: str) -> str:
    if name not in MEASURES:
        raise ValueError(registry.unknown("measure", name, MEASURES))
    return name


Measure = Annotated[str, AfterValidator(_measure), WithJsonSchema({"enum": list(MEASURES)})]
"""A metric of options, of free text, of distributions or of aligned models, the held-out
likelihood, or an agreement;
`verbal-` before a metric of distributions or the accuracy asks for the written ones."""


def _judged(name: str) -> str:
    if name not in _JUDGED:
        raise ValueError(registry.unknown("measure of distributions", name, _JUDGED))
    return name


Judged = Annotated[str, AfterValidator(_judged), WithJsonSchema({"enum": list(_JUDGED)})]
"""A measure that is taken of either reading of a model's distributions."""


def read_as(measure: str, reading: str) -> str:
    """The name of a measure of that reading."""
    return VERBAL + measure if reading == "verbal" else measure


def label(measure: str) -> str:
    """As tables and axes print it; `<measure>:<task>` names the task or the tercile."""
    from annobench.evaluation import agreement
    from annobench.evaluation.distributions import TERCILES

    name, _, part = measure.partition(":")
    text = agreement.LABELS[name] if name in agreement.LABELS else str(_metric(name).LABEL)
    told = [WRITTEN["verbal"]] if name.startswith(VERBAL) else []
    told += [part.replace("-", " ") if part in TERCILES else part] if part else []
    return f"{text} ({', '.join(told)})" if told else text


def higher_is_better(measure: str) -> bool:
    """Which way a measure points."""
    name = measure.partition(":")[0]
    return AGREEMENTS[name] if name in AGREEMENTS else bool(_metric(name).HIGHER_IS_BETTER)


def _metric(name: str) -> ModuleType:
    if name == HELD_OUT:
        from annobench.evaluation import heldout

        return heldout
    kind = name.removeprefix(VERBAL)
    package = next(package for package in METRICS if kind in registry.kinds(package))
    return registry.component(package, kind)
