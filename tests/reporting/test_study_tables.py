import pytest

from annobench.errors import AnnobenchError
from annobench.reporting.shown import Shown
from annobench.reporting.study_tables import StudyTables


def test_tables_are_read_when_asked_for(tmp_path):
    lazy = StudyTables(tmp_path / "nowhere")
    with pytest.raises(AnnobenchError, match=r"metrics\.parquet"):
        _ = lazy.metrics


def test_order_is_that_of_the_study(study):
    assert study.methods == ["zero-shot", "clean", "sft", "majority", "dawid-skene", "realm"]
    assert study.blocks == [("geo", "smollm2-135m")]


@pytest.mark.parametrize(
    ("noise", "method", "expected"),
    [
        ("half-good", "realm", ""),
        ("one-good", "realm", "1 diverged"),
        ("linear", "majority", "3 out-of-memory"),
        ("one-good", "clean", ""),
    ],
)
def test_missing_says_what_became_of_a_cell(study, noise, method, expected):
    assert study.missing("geo", "smollm2-135m", noise, method) == expected


def test_what_is_shown_of_every_table(study):
    part = study.only(Shown(noises=("linear",), methods=("realm", "zero-shot")))
    assert part.methods == ["zero-shot", "realm"]
    assert set(part.summary["noise"]) == {"linear"}
    assert set(part.runs["noise"].dropna()) == {"linear"}
    assert part.runs["noise"].isna().any()  # zero-shot depends on no noise
    assert set(part.crowds["noise"]) == {"linear"}
    pairs = part.comparisons
    assert (pairs["method"].isin(part.methods) | pairs["other"].isin(part.methods)).all()
    assert part.looks == study.looks  # a method looks the same wherever it is shown
    assert len(study.only(Shown()).runs) == len(study.runs)
