import pandas as pd
import pytest

from annobench import tables
from annobench.reporting.formats import WRITERS, Estimate
from annobench.reporting.study_tables import StudyTables
from annobench.reporting.tables.annotators import Settings, table

TWO_SEEDS = (
    ("realm", 0, "ann", 0.8, 0.7, 0.9, 0.95, False),
    ("realm", 1, "ann", 0.6, 0.5, 0.8, 0.85, False),
    ("realm", 0, "bob", 0.9, 0.6, 1.0, 0.9, False),
    ("realm", 1, "bob", 0.3, 0.0, 0.4, 0.2, True),
    ("realm", 0, "cat", 0.1, 0.0, 0.2, None, True),
    ("realm", 1, "cat", 0.1, 0.0, 0.3, None, True),
    ("majority", 0, "cat", 0.1, None, None, None, None),
)


@pytest.fixture
def study(tmp_path):
    """study(rows): the tables of a study with these annotators."""

    def make(rows=TWO_SEEDS):
        names = ["method", "seed", "annotator", "expertise", "low", "high", "agreement", "guessing"]
        frame = pd.DataFrame(list(rows), columns=names).assign(
            dataset="d", model="m", noise="own", task="t", annotations=12, true_expertise=None
        )
        tables.write(tmp_path / "annotators.parquet", frame, tables.STUDY_ANNOTATORS)
        return StudyTables(tmp_path)

    return make


def test_means_and_the_widest_interval_over_seeds(study):
    found = table(study(), Settings(methods=("realm",)))
    assert found["annotator"].tolist() == ["ann", "bob", "cat"]
    assert found["rank"].tolist() == ["1 of 3", "2 of 3", "3 of 3"]
    ann = found["expertise"][0]
    assert (ann.mean, ann.low, ann.high) == (pytest.approx(0.7), 0.5, 0.9)
    assert found["agreement"].tolist()[0] == pytest.approx(0.9)
    assert found["labels"].tolist() == [12, 12, 12]
    assert found["no better than guessing"].tolist() == ["no", "in 1 of 2 seeds", "yes"]
    assert found["seeds"].tolist() == [2, 2, 2]


def test_what_is_not_known_is_empty(study):
    found = table(study(), Settings(methods=("majority",)))
    assert found["expertise"][0] == Estimate(0.1)
    assert found["no better than guessing"].tolist() == [""]
    assert len(table(study(), Settings())) == 4


def test_of_many_annotators_the_top_and_the_bottom_are_shown(study):
    crowd = [("realm", 0, f"a{n:02d}", n / 50, 0, 1, 0.5, False) for n in range(50)]
    found = table(study(crowd), Settings(most=5))
    assert found["annotator"].tolist() == ["a49", "a48", "a47", "a01", "a00"]
    assert found["rank"].tolist() == ["1 of 50", "2 of 50", "3 of 50", "49 of 50", "50 of 50"]


@pytest.mark.parametrize("suffix", WRITERS)
def test_it_is_written_in_every_format(suffix, study, tmp_path):
    WRITERS[suffix](tmp_path / f"a.{suffix}", table(study(), Settings()))
    assert "in 1 of 2 seeds" in (tmp_path / f"a.{suffix}").read_text(encoding="utf-8")


def test_a_study_without_annotators_gives_an_empty_table(study):
    found = table(study([]), Settings())
    assert found.empty
    assert "annotator" in found
