"""How measures are printed, and which of them a table or figure may ask for."""

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from annobench import registry

AGREEMENTS = ("target-accuracy", "expertise-spearman")
MEASURES = (*registry.kinds("evaluation.metrics"), *AGREEMENTS)


def _measure(name: str) -> str:
    if name not in MEASURES:
        raise ValueError(registry.unknown("measure", name, MEASURES))
    return name


Measure = Annotated[str, AfterValidator(_measure), WithJsonSchema({"enum": list(MEASURES)})]
"""A metric of `evaluation.metrics` or an agreement of `evaluation.agreement`."""


def label(measure: str) -> str:
    """As tables and axes print it; `<measure>:<task>` names the task."""
    from annobench.evaluation import agreement

    name, _, task = measure.partition(":")
    if name in agreement.LABELS:
        text = agreement.LABELS[name]
    else:
        text = str(registry.component("evaluation.metrics", name).LABEL)
    return f"{text} ({task})" if task else text


def higher_is_better(measure: str) -> bool:
    """Which way a measure points; agreements point up."""
    name = measure.partition(":")[0]
    return name in AGREEMENTS or bool(
        registry.component("evaluation.metrics", name).HIGHER_IS_BETTER
    )
