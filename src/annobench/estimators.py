"""Which estimator of attentiveness is meant, and its estimate."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import Field

from annobench.attentive import Keys
from annobench.attentiveness import Choices, Estimate
from annobench.registry import component, kinds

if TYPE_CHECKING:
    Estimator: TypeAlias = Keys
else:
    _KINDS = tuple(component("attentiveness", kind).Settings for kind in kinds("attentiveness"))
    Estimator = Annotated[Union[_KINDS], Field(discriminator="kind")]  # noqa: UP007


def estimate(choices: Choices, settings: Keys) -> Estimate:
    """How attentive each user is, by the kind of estimator that the settings are of.

    Raises:
        AnnobenchError: the choices do not say (`attentive.check`, `attentive.refuse_chance`).
    """
    module: Any = component("attentiveness", settings.kind)
    found: Estimate = module.estimate(choices, settings)
    return found
