import pandas as pd
import pytest

from annobench import tables


@pytest.fixture
def few():
    """Three training items of four, two and three options, the last without a gold label."""
    return pd.DataFrame(
        {
            "item": ["x", "y", "z"],
            "task": "any",
            "split": "train",
            "prompt": ["first ?", "second ?", "third ?"],
            "options": [["a", "b", "c", "d"], ["yes", "no"], ["a", "b", "c"]],
            "gold": pd.array([2, 0, None], dtype="Int64"),
            "distribution": None,
        }
    )


@pytest.fixture
def labels():
    """Three votes on x, a tie on y, none on z."""
    return pd.DataFrame(
        {
            "item": ["y", "x", "x", "y", "x"],
            "label": [0, 2, 3, 1, 2],
            "annotator": ["bob", "ann", "bob", "ann", "cat"],
        }
    )


@pytest.fixture
def written(tmp_path):
    """written(frame): `tables.TARGETS` as a cell writes and an evaluation reads them."""

    def through(frame):
        tables.write(tmp_path / "targets.parquet", frame, tables.TARGETS)
        return tables.read(tmp_path / "targets.parquet", tables.TARGETS)

    return through


@pytest.fixture
def as_dicts(written):
    """Targets as dictionaries without the columns that are always the same."""

    def dicts(frame):
        found = written(frame)
        assert found["kept"].all()
        assert found["weight"].eq(1).all()
        found["distribution"] = found["distribution"].map(list)
        found["annotator"] = (
            found["annotator"].astype(object).where(found["annotator"].notna(), None)
        )
        return found.drop(columns=["kept", "weight"]).to_dict("records")

    return dicts
