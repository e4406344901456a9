"""Metrics of free text against accepted answers, one file each.

A file `<kind>.py` defines

    LABEL: str                  as tables and axes print it
    HIGHER_IS_BETTER: bool
    def score(text: str, answers: Sequence[str]) -> float
        of one item; a metric is the weighted mean over items, where one of which nothing was said
        counts as 0
"""
