"""How measures are printed, and which of them a table or figure may ask for."""

from types import ModuleType
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from annobench import registry
from annobench.evaluation import METRICS

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
}
"""Whether each is better when it is higher."""
MEASURES = (
    *(kind for package in METRICS for kind in registry.kinds(package)),
    HELD_OUT,
    *AGREEMENTS,
)


def _measure(name: str) -> str:
    if name not in MEASURES:
        raise ValueError(registry.unknown("measure", name, MEASURES))
    return name


Measure = Annotated[str, AfterValidator(_measure), WithJsonSchema({"enum": list(MEASURES)})]
"""A metric of options or of free text, the held-out likelihood, or an agreement."""


def label(measure: str) -> str:
    """As tables and axes print it; `<measure>:<task>` names the task."""
    from annobench.evaluation import agreement

    name, _, task = measure.partition(":")
    text = agreement.LABELS[name] if name in agreement.LABELS else str(_metric(name).LABEL)
    return f"{text} ({task})" if task else text


def higher_is_better(measure: str) -> bool:
    """Which way a measure points."""
    name = measure.partition(":")[0]
    return AGREEMENTS[name] if name in AGREEMENTS else bool(_metric(name).HIGHER_IS_BETTER)


def _metric(name: str) -> ModuleType:
    if name == HELD_OUT:
        from annobench.evaluation import heldout

        return heldout
    package = next(package for package in METRICS if name in registry.kinds(package))
    return registry.component(package, name)
