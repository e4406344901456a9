import pandas as pd
import pytest
import torch

from annobench import tables
from annobench.training.rows import Rows

OPTIONS = [2, 3, 4, 5, 4, 3]


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


@pytest.fixture(scope="session")
def rows_of():
    """rows_of(labels, options, annotators, tasks): one annotation of each item, in float64."""

    def make(labels, options, annotators, tasks=None):
        distribution = torch.zeros(len(labels), 5, dtype=torch.float64)
        distribution[range(len(labels)), labels] = 1
        return Rows(
            torch.arange(len(labels)),
            distribution,
            torch.ones(len(labels), dtype=torch.float64),
            torch.tensor(annotators),
            torch.tensor(options, dtype=torch.float64),
            torch.tensor([0] * len(labels) if tasks is None else tasks),
        )

    return make


@pytest.fixture
def rows(rows_of):
    """One annotation of each of six items with 2 to 5 options, by three annotators."""
    return rows_of([1, 0, 3, 2, 0, 2], OPTIONS, [0, 1, 0, 2, 2, 1])


@pytest.fixture
def z():
    """Scores [6, 5] with -inf beyond an item's options."""
    scores = 2 * torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return scores.masked_fill(torch.arange(5) >= torch.tensor(OPTIONS)[:, None], -torch.inf)
