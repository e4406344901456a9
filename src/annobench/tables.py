"""The schemas of every table that crosses a stage, checked at each read and each write."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annobench import seals
from annobench.errors import AnnobenchError, one_line
from annobench.files import replacing

_TEXT, _INT, _REAL = pa.string(), pa.int64(), pa.float64()
_TEXTS, _REALS, _INTS = pa.list_(_TEXT), pa.list_(_REAL), pa.list_(_INT)


def _schema(required: dict[str, pa.DataType], optional: dict[str, pa.DataType]) -> pa.Schema:
    """`optional` columns must be there too, but may hold nulls."""
    fields = [pa.field(name, kind, nullable=False) for name, kind in required.items()]
    return pa.schema(fields + [pa.field(name, kind) for name, kind in optional.items()])


_CELL_REQUIRED = {"dataset": _TEXT, "model": _TEXT, "method": _TEXT}
_CELL_OPTIONAL = {"noise": _TEXT, "seed": _INT}
"""noise and seed are null in a cell that does not depend on them."""

ITEMS = _schema(
    {"item": _TEXT, "task": _TEXT, "split": _TEXT, "prompt": _TEXT, "options": _TEXTS},
    {
        "gold": _INT,
        "distribution": _REALS,
        "answers": _TEXTS,
        "labels": _INTS,
        "annotators": _TEXTS,
        "sources": _TEXTS,
        "scores": _REALS,
        "firsts": _INTS,
    },
)
"""One question a row; `split` is train, validation or test; `gold` indexes `options`.

Where a data set comes with the labels that people gave, `labels` are all of the item's, as indices
of `options`, `annotators` says who gave which, if that is known, and `distribution` is each
option's share of them; `gold` is then the option of the largest share, null where two tie.

An item without options asks for free text: `answers` are the texts that count as right, the first
of them the gold one, and `task` is the type of the answer (number, span, date).

An item of preferences has two options, two responses to its prompt, and `gold` is the better one.
`sources` are the models that wrote them; where these have names, the first is the stronger one's.
`scores` say how good each response is, on a scale of the data set's own; `answers`, if given, are
the texts one of which a right response holds. `firsts` says of each of `labels` which option its
annotator was shown first.
"""

ANNOTATIONS = _schema(
    {"item": _TEXT},
    {
        "label": _INT,
        "annotator": _TEXT,
        "text": _TEXT,
        "corrupted": pa.bool_(),
        "first": _INT,
    },
)
"""One label that one annotator gave; `label` indexes the item's options; no annotator is null.

`first` is the option that the annotator was shown first, where that is known.

The label of a free-text item is `text`, and `label` is null. `corrupted` says whether the noise put
a wrong label in the place of the right one, where a noise knows; no method sees it.
"""

TRUTH = _schema({"annotator": _TEXT, "task": _TEXT, "expertise": _REAL, "accuracy": _REAL}, {})
"""The simulated annotators' true expertise in each task, and how often their labels are right."""

RESPONSES = _schema(
    {"item": _TEXT, "option": _INT, "source": _TEXT, "text": _TEXT}, {"score": _REAL}
)
"""What a model wrote in response to an item's prompt, as the item's option of this number.

`score` is what a reward model says of it; of a sampled response the mean log-likelihood of its
tokens under the stronger model.
"""

TOKENS = _schema({"item": _TEXT, "prompt": _INTS, "options": pa.list_(_INTS)}, {})
"""Token ids of each item's prompt and of each option's answer."""

TARGETS = _schema(
    {"item": _TEXT, "distribution": _REALS, "weight": _REAL, "kept": pa.bool_(), "reason": _TEXT},
    {"annotator": _TEXT, "text": _TEXT, "suspicion": _REAL, "nll": _REAL},
)
"""What a method trained on; `weight` is the final one, `reason` says why a row was kept or not.

The target of a free-text item is `text`, and its distribution is [1]. Where a method judges labels,
`suspicion` says how much it doubts the label that the item came with, on a scale of its own that
rises with doubt. `nll` is the mean token NLL of the target's answer, where a method selects by it.
"""

PREDICTIONS = _schema(
    {"item": _TEXT},
    {
        "probabilities": _REALS,
        "text": _TEXT,
        "verbal": _REALS,
        "rewards": _REALS,
        "win": _REAL,
        "kl": _REAL,
    },
)
"""One probability per option of each item; of a free-text item the answer's text.

Where a model was asked to write the distribution down, `text` is what it said of the item and
`verbal` the distribution read from that, null where none could be read.

Of an aligned model, `rewards` are its implicit rewards of each option, beta log(p / p of the model
before training); `text` is its own response to a test item's prompt, `win` says whether that is
better than the response before training (1, or 1/2 for a tie, or 0), and `kl` is the log-ratio of
its likelihoods after and before training in nats, at the temperature that it was drawn at, whose
mean is the KL from the start.
"""

VIEW = _schema(
    {"item": _TEXT},
    {"probabilities": _REALS, "answer": _INT, "text": _TEXT, "said": _TEXT, "nll": _REAL},
)
"""A model's answer to one question about each item, see `questions`.

`answer` indexes the item's options, or `text` is the answer to a free-text item; both are null
where nothing that was said could be read as an answer. `probabilities` of the options are known to
the backend that scores them, and `said`, the generated text as it came, to the one that
generates. `nll` is the mean token NLL of the answer, or of all that was said.
"""

EMBEDDINGS = _schema({"item": _TEXT, "vector": _REALS}, {})
"""The direction in which a sentence encoder puts each item's prompt: a unit vector."""

_ANNOTATORS_REQUIRED = {"annotator": _TEXT, "task": _TEXT, "expertise": _REAL, "annotations": _INT}
_ANNOTATORS_OPTIONAL = {"low": _REAL, "high": _REAL, "agreement": _REAL, "guessing": pa.bool_()}

ANNOTATORS = _schema(_ANNOTATORS_REQUIRED, _ANNOTATORS_OPTIONAL)
"""Learned expertise of each annotator in each task, and how many labels it rests on.

What the trained model says of these labels is null where there are none: the 95 % interval of
expertise, the agreement with the model's answers, and whether a guesser could have given them, see
`annotators`.
"""

_HISTORY_REQUIRED = {
    "step": _INT,
    "epoch": _REAL,
    "loss": _REAL,
    "learning_rate": _REAL,
}
_HISTORY_OPTIONAL = {"reward": _REAL, "parsed": _REAL, "kl": _REAL}

HISTORY = _schema(
    _HISTORY_REQUIRED | {"seconds": _REAL, "items_per_second": _REAL}, _HISTORY_OPTIONAL
)
"""One row per optimizer step; `seconds` counts from the first step, across interruptions.

Of reinforcement learning also the mean reward of the step's rollouts, the share of them that could
be read as a distribution, and the mean KL of their tokens from the reference in nats.
"""

METRICS = _schema(
    _CELL_REQUIRED | {"metric": _TEXT, "status": _TEXT, "n": _INT},
    _CELL_OPTIONAL | {"value": _REAL, "reason": _TEXT},
)
"""Every cell and every metric, in long form; `value` is null unless `status` is ok.

`<metric>:<task>` is a metric on the items of one task. The held-out likelihood of a cell that does
not depend on noise is measured once for each noise, and names it.
"""

RUNS = _schema(
    _CELL_REQUIRED | {"status": _TEXT},
    _CELL_OPTIONAL
    | {
        "reason": _TEXT,
        "parameters": _INT,
        "trained_parameters": _INT,
        "settings": _TEXT,
    },
)
"""What became of each cell, and how large its model is; `settings` are its method's own, as
canonical JSON."""

COSTS = _schema(
    _CELL_REQUIRED | {"status": _TEXT},
    _CELL_OPTIONAL
    | {
        "train_seconds": _REAL,
        "total_seconds": _REAL,
        "items_per_second": _REAL,
        "peak_memory_bytes": _INT,
        "rollouts_per_second": _REAL,
        "rollout_share": _REAL,
    },
)
"""What each cell cost: the one table of a study that differs from run to run. Of reinforcement
learning, how many rollouts were sampled per second of sampling, and the share of the training time
that this took."""

CROWDS = _schema(
    {
        "dataset": _TEXT,
        "noise": _TEXT,
        "seed": _INT,
        "annotators": _INT,
        "annotations": _INT,
        "items": _INT,
    },
    {"labels_per_item": _REAL, "label_accuracy": _REAL, "expected_accuracy": _REAL},
)
"""What each draw of annotations holds, measured on the labels of training items.

`items` are those with a label and `labels_per_item` is their mean; `label_accuracy` is the share of
right labels, null where that is not known; `expected_accuracy` is that share as the simulated
annotators' true accuracies foretell it, null without truth.
"""

SUMMARY = _schema(
    {
        "dataset": _TEXT,
        "model": _TEXT,
        "noise": _TEXT,
        "method": _TEXT,
        "metric": _TEXT,
        "seeds": _INT,
        "seeds_planned": _INT,
        "items": _INT,
    },
    {"mean": _REAL, "low": _REAL, "high": _REAL, "rank": _INT},
)
"""Mean over seeds with its 95 % interval and its shared rank within (dataset, model, noise)."""

COMPARISONS = _schema(
    {
        "dataset": _TEXT,
        "model": _TEXT,
        "noise": _TEXT,
        "metric": _TEXT,
        "method": _TEXT,
        "other": _TEXT,
        "seeds": _INT,
        "items": _INT,
        "difference": _REAL,
        "low": _REAL,
        "high": _REAL,
        "p": _REAL,
        "p_adjusted": _REAL,
    },
    {},
)
"""Paired differences (method minus other) on the same items and seeds."""

RECOVERY = _schema(
    {
        "dataset": _TEXT,
        "noise": _TEXT,
        "seed": _INT,
        "estimator": _TEXT,
        "users": _INT,
        "comparisons": _INT,
        "share_true": _REAL,
    },
    {
        "mu": _REAL,
        "mu_true": _REAL,
        "mu_found": _REAL,
        "share": _REAL,
        "precision": _REAL,
        "recall": _REAL,
        "auc": _REAL,
        "mae": _REAL,
        "spearman": _REAL,
        "reason": _TEXT,
    },
)
"""How well users' attentiveness is found from at most so many `comparisons` of each of them.

`estimator` is a kind of `attentiveness`; `mu` the probability, assumed, that an attentive user
picks the stronger model's response, null where the estimator finds it itself (`mu_found`).
`share_true` is the mean true attentiveness and `share` the estimated one; precision and recall are
those of the users kept, `mae` is the mean absolute error. `reason` says why there is no estimate.
"""

STUDY_ANNOTATORS = _schema(
    _CELL_REQUIRED | _ANNOTATORS_REQUIRED,
    _CELL_OPTIONAL | _ANNOTATORS_OPTIONAL | {"true_expertise": _REAL},
)
STUDY_HISTORY = _schema(_CELL_REQUIRED | _HISTORY_REQUIRED, _CELL_OPTIONAL | _HISTORY_OPTIONAL)

SELECTION = _schema(
    _CELL_REQUIRED | {"item": _TEXT, "corrupted": pa.bool_(), "verdict": _TEXT},
    _CELL_OPTIONAL | {"nll": _REAL, "suspicion": _REAL, "right": pa.bool_()},
)
"""What became of each label, in cells whose targets have `nll` or `suspicion`, under noise that
knows which labels it made wrong.

`verdict` is "trusted" where the cell learned from the label, "relabelled" where it learned another
one in its place, and "dropped" where it did not learn from the item; `right` says of the former two
whether what was learned is right.
"""

VIEWS = _schema(
    {
        "dataset": _TEXT,
        "model": _TEXT,
        "view": _TEXT,
        "items": _INT,
        "failures": _INT,
        "judged": _INT,
    },
    {"accuracy": _REAL},
)
"""Each view of a model: how many items it was asked about, how many answers could not be read, of
how many of the others the right answer is known, and which share of these is right."""

DISTRIBUTIONS = _schema(
    _CELL_REQUIRED | {"item": _TEXT, "prompt": _TEXT, "human": _REALS, "entropy": _REAL},
    _CELL_OPTIONAL | {"probabilities": _REALS, "verbal": _REALS, "text": _TEXT},
)
"""Each test item with a known distribution in each cell that is ok: the human distribution with its
entropy, divided by log K so that it is between 0 and 1, and what the cell predicted, see
`PREDICTIONS`."""

STUDY_SCHEMAS = {
    "metrics": METRICS,
    "summary": SUMMARY,
    "comparisons": COMPARISONS,
    "annotators": STUDY_ANNOTATORS,
    "history": STUDY_HISTORY,
    "runs": RUNS,
    "costs": COSTS,
    "crowds": CROWDS,
    "selection": SELECTION,
    "views": VIEWS,
    "distributions": DISTRIBUTIONS,
    "recovery": RECOVERY,
}
"""The tables of a whole study, by file name."""


def read(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read a parquet table and check it.

    Raises:
        AnnobenchError: the file is missing, damaged or of another schema; the message names the
            file and the column.
    """
    table = _checked(path, schema)
    try:
        return to_pandas(table)
    except Exception as error:  # of its notes for pandas, which are text
        raise AnnobenchError(f"{path}: cannot be read as a table: {one_line(error)}") from error


def read_all(paths: Sequence[Path], schema: pa.Schema) -> list[pd.DataFrame]:
    """Read tables as `read` does; many small ones in a third of its time.

    Types are those of the schema, whatever the tables hold: integers are nullable if any integer
    column is, and truth values that may be null are objects.

    Raises:
        AnnobenchError: as `read`.
    """
    found = [_checked(path, schema) for path in paths]
    nullable = [field for field in schema if field.nullable]
    integers = any(pa.types.is_integer(field.type) for field in nullable)
    truths = [field.name for field in nullable if pa.types.is_boolean(field.type)]
    try:
        plain = [table.replace_schema_metadata(None).cast(schema) for table in found]
        joined = pa.concat_tables([schema.empty_table(), *plain]).combine_chunks()
        whole = _pandas(joined, integers).astype(dict.fromkeys(truths, object))
    except Exception as error:  # Arrow's own, and what Python makes of broken text
        raise AnnobenchError(
            f"{paths[0]} to {paths[-1]}: cannot be read as tables: {one_line(error)}"
        ) from error
    ends = np.cumsum([0, *(table.num_rows for table in found)])
    return [whole.iloc[begin:end].reset_index(drop=True) for begin, end in pairwise(ends)]


def _checked(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        seals.check(path)
        table = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False)
        names = table.schema.names
    except AnnobenchError:
        raise
    except Exception as error:  # Arrow's own, and what Python makes of broken names and numbers
        raise AnnobenchError(f"{path}: cannot be read as parquet: {one_line(error)}") from error
    if twice := [name for name in schema.names if names.count(name) > 1]:
        raise AnnobenchError(f"{path}: column {twice[0]!r} found twice; allowed: once")
    _check(table.schema, schema, str(path))
    for field in schema:
        holes = table.column(field.name).null_count
        if holes and not field.nullable:
            raise AnnobenchError(
                f"{path}: column {field.name!r}: {holes} empty values found, none allowed"
            )
    return table.select(schema.names)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Pandas with nullable integers where a column may hold nulls."""
    return _pandas(table, any(pa.types.is_integer(c.type) and c.null_count for c in table.columns))


def _pandas(table: pa.Table, nullable: bool) -> pd.DataFrame:
    integers = {pa.int64(): pd.Int64Dtype()} if nullable else {}
    frame: pd.DataFrame = table.to_pandas(types_mapper=integers.get, use_threads=False)
    return frame


def write(path: Path, frame: pd.DataFrame, schema: pa.Schema) -> None:
    """Write a table, whole or not at all. Columns beyond the schema are refused; an optional one
    that is missing is written as nulls.

    Raises:
        AnnobenchError: the frame does not fit the schema.
    """
    extra = [name for name in frame.columns if name not in schema.names]
    if extra:
        raise AnnobenchError(f"{path}: unexpected column {extra[0]!r}; allowed: {schema.names}")
    absent = [
        f for f in schema if f.name not in frame or (f.nullable and frame[f.name].isna().all())
    ]
    for field in absent:
        if not field.nullable:
            raise AnnobenchError(f"{path}: column {field.name!r} is missing; found: {list(frame)}")
    whole = frame.assign(**dict.fromkeys((field.name for field in absent), None))
    try:
        table = pa.Table.from_pandas(whole[schema.names], schema=schema, preserve_index=False)
    except (pa.ArrowException, ValueError) as error:
        raise AnnobenchError(f"{path}: does not fit its schema: {error}") from error
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, table.schema, compression="snappy") as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({seals.MARK: seals.BLANK})
        seals.seal(temporary)


def empty(schema: pa.Schema) -> pd.DataFrame:
    """A frame of no rows."""
    return to_pandas(schema.empty_table())


def frame(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pd.DataFrame:
    """A frame of the schema's columns; what a row leaves out is null."""
    whole = [dict.fromkeys(schema.names) | dict(row) for row in rows]
    integers = [field.name for field in schema if field.type == _INT and field.nullable]
    return pd.DataFrame(whole, columns=schema.names).astype(dict.fromkeys(integers, "Int64"))


def texts(column: pd.Series) -> np.ndarray:
    """[rows] as Python's strings, of which it is quicker to take many than from pandas' own."""
    return column.to_numpy(object)


def numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Lists of numbers -> all of them in a row, and [rows] where each list begins."""
    lists = column.tolist()
    ends = np.cumsum([0, *map(len, lists)])
    return np.concatenate([np.zeros(0), *lists]), ends[:-1]


def stack(column: pd.Series, width: int, fill: float = 0.0) -> np.ndarray:
    """Lists of at most `width` numbers -> array [rows, width], the rest `fill`."""
    flat, begin = numbers(column)
    lengths = np.diff(begin, append=len(flat))
    out = np.full((len(column), width), fill)
    out[np.arange(width) < lengths[:, None]] = flat
    return out


def _check(found: pa.Schema, wanted: pa.Schema, where: str) -> None:
    for field in wanted:
        if field.name not in found.names:
            raise AnnobenchError(
                f"{where}: column {field.name!r} is missing; found: {', '.join(found.names)}"
            )
        kind = _plain(found.field(field.name).type)
        if kind != _plain(field.type):
            raise AnnobenchError(
                f"{where}: column {field.name!r}: found type {kind}, allowed: {_plain(field.type)}"
            )


def _plain(kind: pa.DataType) -> pa.DataType:
    """Large and small strings and lists are the same to us."""
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind
