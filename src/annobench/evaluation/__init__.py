"""From the results of cells to the tables of a study."""

METRICS = ("evaluation.metrics", "evaluation.text_metrics", "evaluation.distribution_metrics")
"""The packages of metrics: of options, of free text, and of distributions over options."""

VERBAL = "verbal-"
"""Begins the name of a metric of the distributions that a model wrote down."""
