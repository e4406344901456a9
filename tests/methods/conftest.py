from dataclasses import dataclass, field

import pandas as pd
import pytest
import torch

from annobench import tables
from annobench.questions import Question
from annobench.training.rows import Rows

OPTIONS = [2, 3, 4, 5, 4, 3]


@dataclass
class Answers:
    """A model that answers from tables, and notes what it was asked and trained on."""

    said: list[pd.DataFrame] = field(default_factory=list)
    """`tables.VIEW` for each call of `ask`, in order; the items are the questions'."""
    fits: list[pd.DataFrame] = field(default_factory=list)
    """`tables.PREDICTIONS` for each call of `fit`, in order."""
    asked: list[tuple[list[Question], str]] = field(default_factory=list)
    taught: list[tuple[pd.DataFrame, float, str]] = field(default_factory=list)

    def ask(self, questions, backend):
        said = self.said[len(self.asked)]
        self.asked.append((list(questions), backend))
        assert len(said) == len(questions)
        return said.assign(item=[question.item for question in questions])

    def fit(self, targets, epochs, name):
        self.taught.append((targets, epochs, name))
        return self.fits[len(self.taught) - 1]


@pytest.fixture(scope="session")
def answers():
    """answers(said=[...], fits=[...]): a model."""
    return Answers


@pytest.fixture(scope="session")
def view():
    """view(answers, ...): `tables.VIEW` of as many questions; None is what is not known."""

    def make(answers, probabilities=None, nll=None, items=None, text=None):
        none = [None] * len(answers)
        return pd.DataFrame(
            {
                "item": items or none,
                "probabilities": pd.Series(probabilities or none, dtype=object),
                "answer": pd.array(answers, dtype="Int64"),
                "text": pd.Series(text or none, dtype=object),
                "said": pd.Series(none, dtype=object),
                "nll": nll or [float("nan")] * len(answers),
            }
        )

    return make


@pytest.fixture(scope="session")
def one_each():
    """one_each(x=2, y=0): `tables.ANNOTATIONS`, one label of each item, by nobody."""

    def make(**labels):
        return pd.DataFrame(
            {"item": list(labels), "label": list(labels.values()), "annotator": None}
        )

    return make


@pytest.fixture
def texts():
    """Three training items of free text, and their labels."""
    items = pd.DataFrame(
        {
            "item": ["r", "s", "t"],
            "task": ["number", "span", "date"],
            "split": "train",
            "prompt": ["how many ?", "who ?", "when ?"],
            "options": [[], [], []],
            "gold": pd.array([None] * 3, dtype="Int64"),
            "answers": [["4", "four"], ["Ann"], ["May 1"]],
        }
    )
    labels = pd.DataFrame(
        {"item": ["r", "s", "t"], "label": None, "annotator": None, "text": ["4", "Bob", "May 2"]}
    )
    return items, labels


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
    """Targets as dictionaries without the columns that are always the same, or empty."""

    def dicts(frame):
        found = written(frame)
        assert found["kept"].all()
        assert found["weight"].eq(1).all()
        found["distribution"] = found["distribution"].map(list)
        found["annotator"] = (
            found["annotator"].astype(object).where(found["annotator"].notna(), None)
        )
        empty = [name for name in ("text", "suspicion", "nll") if found[name].isna().all()]
        return found.drop(columns=["kept", "weight", *empty]).to_dict("records")

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
