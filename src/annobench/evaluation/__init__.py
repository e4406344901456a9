"""From the results of cells to the tables of a study."""

METRICS = ("evaluation.metrics", "evaluation.text_metrics")
"""The packages of metrics: of options, and of free text."""
