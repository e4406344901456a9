"""From the results of cells to the tables of a study."""

METRICS = (
    "evaluation.metrics",
    "evaluation.text_metrics",
    "evaluation.distribution_metrics",
    "evaluation.preference_metrics",
)
"""The packages of metrics: of options, of free text, of distributions over options, and of aligned
models."""

VERBAL = "verbal-"
"""Begins the name of a metric of the distributions that a model wrote down."""
