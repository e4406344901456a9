"""What a model is asked, before it is written down for a particular model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

Backend = Literal["score", "generate"]
"""How a model answers. `score`: the option with the highest likelihood, which is deterministic and
cheap; free text is generated greedily. `generate`: text is sampled and read by a lenient parser."""


@dataclass(frozen=True)
class Example:
    """A question with its answer, shown before another question."""

    prompt: str
    options: tuple[str, ...]
    answer: str
    """The text of one of the options, or free text."""


@dataclass(frozen=True)
class Question:
    """What is asked about an item.

    It is written as: the instruction, the examples, then the prompt and its hints in the model's
    template, each example in the same template.
    """

    item: str
    prompt: str
    options: tuple[str, ...]
    """What the answer is chosen from; none for free text."""
    instruction: str = ""
    examples: tuple[Example, ...] = ()
    hints: str = ""
    """Lines below the prompt."""


Ask: TypeAlias = "Callable[[Sequence[Question]], pd.DataFrame]"
"""Questions to `tables.VIEW`, one row for each question in their order: a model with a backend."""
