"""F1 of words with the best accepted answer, as DROP measures it."""

from annobench.free_text import f1 as score

__all__ = ["HIGHER_IS_BETTER", "LABEL", "score"]

LABEL = "F1"
HIGHER_IS_BETTER = True
