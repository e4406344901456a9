"""Share of texts that are the same as an accepted answer, as DROP normalises them."""

from collections.abc import Sequence

from annobench import free_text

LABEL = "exact match"
HIGHER_IS_BETTER = True


def score(text: str, answers: Sequence[str]) -> float:
    """1 for a match, 0 for none."""
    return float(free_text.exact_match(text, answers))
