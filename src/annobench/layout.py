"""Where every file of a study lies, relative to the working folder. Snakemake's wildcards are the
fields of these patterns; `_` stands for an axis that a cell does not depend on."""

import hashlib
import re

AXES = ("dataset", "noise", "model", "method", "seed")
"""Of a cell, in the order of its path."""
MODEL = "assets/models/{asset}.json"
RESULTS = "results/{study}"
STUDY = "results/{study}/study.json"
LOCK = "results/{study}/.lock"
"""Held by the run of a study."""
RESPONSES = "results/{study}/data/{dataset}/responses.parquet"
ITEMS = "results/{study}/data/{dataset}/items.parquet"
ANNOTATIONS = "results/{study}/annotations/{dataset}/{noise}/{seed}.parquet"
TRUTH = "results/{study}/annotations/{dataset}/{noise}/{seed}.truth.parquet"
EMBEDDINGS = "results/{study}/views/{dataset}/embeddings.parquet"
VIEW = "results/{study}/views/{dataset}/{model}/{view}.parquet"
ASKED = "results/{study}/asked/{dataset}/{model}"
TOKENS = "results/{study}/features/{dataset}/{model}/tokens.parquet"
STATES = "results/{study}/features/{dataset}/{model}/states.safetensors"
CELL = "results/{study}/cells/{dataset}/{noise}/{model}/{method}/{seed}"
RECORD = f"{CELL}/run.json"
"""The last of a cell's files to be written and the first to go: where it is, the others are whole.
Snakemake looks after no other, since it spends time and records on each that it looks after."""
CELL_FILES = (
    "run.json",
    "targets.parquet",
    "predictions.parquet",
    "annotators.parquet",
    "history.parquet",
    "trained.safetensors",
)
FINISHED = "results/{study}/finished/{dataset}/{model}.json"
"""How many cells there are, and a checksum of their records; gone after evaluation."""
CHECKPOINT = "results/{study}/checkpoints/{dataset}/{noise}/{model}/{method}/{seed}.safetensors"
EXPORT = "results/{study}/models/{dataset}/{noise}/{model}/{method}/{seed}"
STUDY_TABLES = (
    "metrics",
    "summary",
    "comparisons",
    "annotators",
    "history",
    "runs",
    "costs",
    "crowds",
    "selection",
    "views",
    "distributions",
    "recovery",
)
STUDY_TABLE = "results/{study}/{table}.parquet"
TABLE = "results/{study}/tables/{table}.{suffix}"
TABLE_SUFFIXES = ("html", "csv", "md", "tex")
FIGURE = "results/{study}/figures/{figure}.{suffix}"
FIGURE_SUFFIXES = ("png", "pdf")
TIMES = "results/{study}/logs/times.jsonl"
REPORT = "results/{study}/report.html"
SUMS = "sha256"
"""The suffix of the checksums of what people read: those of one table, figure or report."""
REPORT_SUMS = "results/{study}/report.sha256"
EXPORT_SUMS = "SHA256SUMS"


def inside(pattern: str) -> str:
    """The pattern of a study's file, relative to the study's results."""
    return pattern.removeprefix(f"{RESULTS}/")


def asset(source: str) -> str:
    """A model source as a file name, the same for every study that uses it."""
    readable = re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-")[-80:]
    return f"{readable}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
