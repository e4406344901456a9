"""Studies and tables of hostile values, and archives of hostile members, by their structure.

ANNOBENCH_FUZZ_INPUTS says how many of each, as for `test_fuzz.py`.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from fuzz_targets import SCHEMAS, example, limited, stays_inside, studies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annobench import seals, tables
from annobench.errors import AnnobenchError
from annobench.reporting.formats import WRITERS
from annobench.study import parse_study

fuzzing = settings(
    max_examples=int(os.environ.get("ANNOBENCH_FUZZ_INPUTS", "50")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)
GOOD = [yaml.safe_load(text) for text in studies()[:2]]
TRICKS = ["../x", "/etc/passwd", "a" * 300, "-rf", "--help", "{x}", "<b>", "a\0b", "é", "", "_"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.dates()
    | st.sampled_from([*TRICKS, 10**30, -1, float("nan"), "\ud800"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw, value):
    """A value with one or two of its parts replaced, renamed or left out."""
    if draw(st.booleans()) and isinstance(value, dict) and value:
        key = draw(st.sampled_from(list(value)))
        how = draw(st.sampled_from(["inside"] * 4 + ["rename", "drop", "add"]))
        if how == "inside":
            return value | {key: draw(mutated(value[key]))}
        rest = {name: value[name] for name in value if how == "add" or name != key}
        name = draw(scalars)
        return rest if how == "drop" else rest | {name: value[key]}
    if draw(st.booleans()) and isinstance(value, list) and value:
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(mutated(value[place])), *value[place + 1 :]]
    if isinstance(value, dict | list) and draw(st.booleans()):
        return value
    return draw(values)


@fuzzing
@given(st.sampled_from(GOOD).flatmap(mutated))
def test_a_study_is_refused_in_sentences_or_stays_in_its_folder(data):
    if not isinstance(data, dict):
        return  # read_yaml's to refuse
    with limited():
        try:
            study = parse_study(data, "study.yaml")
        except AnnobenchError:
            return
        stays_inside(study)


KINDS = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
}


@st.composite
def frames(draw, schema):
    """Up to three rows that fit a schema."""

    def column(kind):
        if pa.types.is_list(kind):
            return st.lists(column(kind.value_type), max_size=3)
        return KINDS[kind]

    columns = {
        field.name: column(field.type) | (st.none() if field.nullable else st.nothing())
        for field in schema
    }
    count = draw(st.integers(0, 3))
    held = {name: [draw(values) for _ in range(count)] for name, values in columns.items()}
    return pd.DataFrame({name: pd.Series(held[name], dtype=object) for name in held})


@fuzzing
@given(
    st.sampled_from(sorted(SCHEMAS)).flatmap(lambda n: st.tuples(st.just(n), frames(SCHEMAS[n])))
)
def test_a_table_is_read_as_it_was_written_and_shown_as_text(pair):
    name, frame = pair
    with TemporaryDirectory() as folder, limited():
        path = Path(folder) / "t.parquet"
        try:
            tables.write(path, frame, SCHEMAS[name])
        except AnnobenchError:
            assert list(Path(folder).iterdir()) == []
            return
        found = tables.read(path, SCHEMAS[name])
        assert len(found) == len(frame)
        for field in SCHEMAS[name]:
            if field.type == pa.string():
                texts = found[field.name].astype(object).where(found[field.name].notna(), None)
                assert texts.tolist() == frame[field.name].tolist()
        shown = found[[field.name for field in SCHEMAS[name] if field.type == pa.string()]]
        for suffix, write in WRITERS.items():
            write(Path(folder) / f"t.{suffix}", shown)
        assert len(list(Path(folder).iterdir())) == 1 + len(WRITERS)


@fuzzing
@given(
    st.sampled_from(sorted(SCHEMAS)),
    st.sampled_from([pa.int8(), pa.binary(), pa.null(), pa.date32()]),
    st.data(),
)
def test_a_column_of_another_type_is_refused_by_name(name, kind, data):
    schema = SCHEMAS[name]
    place = data.draw(st.integers(0, len(schema) - 1))
    table = pa.Table.from_pandas(example(name), schema=schema, preserve_index=False)
    table = table.set_column(place, schema[place].name, pa.nulls(len(table), kind))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        with pq.ParquetWriter(path, table.schema) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({seals.MARK: seals.BLANK})
        seals.seal(path)
        with pytest.raises(AnnobenchError, match=f"column '{schema[place].name}': found type"):
            tables.read(path, schema)
