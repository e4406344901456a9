"""The table in a paper's layout: ours, the paper's and the relative gains of both."""

from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from annobench.errors import AnnobenchError
from annobench.reporting import published
from annobench.reporting.formats import WRITERS, Estimate
from annobench.reporting.tables.noise_rates import Settings, table

ROBUSTFT = Path(__file__).parents[2] / "studies" / "published" / "robustft.csv"
PAPER = {
    "model": "llama",
    "rows": {
        "Vanilla": {"method": "zero-shot"},
        "Hermes-3": {"model": "hermes", "method": "zero-shot"},
        "SFT": {"method": "token-sft"},
        "SelfSelect": {"method": "self-select"},
        "RobustFT": {"method": "robustft"},
        "Ours": {"method": "robustft-beta-75"},
    },
    "columns": {"MMLU": "mmlu"},
    "rates": {30: "response-30", 50: "response-50", 70: "response-70"},
    "gain": {"RobustFT": ["Vanilla", "SFT"], "Ours": ["SFT"]},
    "path": str(ROBUSTFT),
}


@pytest.fixture
def paper(response_study) -> pd.DataFrame:
    return table(response_study, Settings(**PAPER)).set_index("method")


def test_ours_stands_beside_the_papers_number(paper, response_study):
    summary = response_study.summary.query(
        "metric == 'accuracy' and method == 'robustft' and noise == 'response-30'"
    ).iloc[0]
    found = paper.loc["RobustFT"]
    assert found["MMLU 30"].mean == pytest.approx(100 * summary["mean"])
    assert found["MMLU 30"].low == pytest.approx(100 * summary["low"])
    assert found["paper: MMLU 30"] == "paper: 68.2 (S)"
    assert (found["model"], found["items"]) == ("llama", "MMLU 200")
    at = list(paper.columns).index("MMLU 30")
    assert paper.columns[at + 1] == "paper: MMLU 30"


def test_a_number_without_a_rate_stands_at_every_rate(paper):
    found = [paper.loc["Vanilla", f"paper: MMLU {rate}"] for rate in (30, 50, 70)]
    assert found == ["paper: 65.3 (S)"] * 3
    ours = [paper.loc["Vanilla", f"MMLU {rate}"].mean for rate in (30, 50, 70)]
    assert len(set(ours)) == 1


def test_what_only_one_of_the_two_has_is_a_dash_at_the_other(paper):
    assert paper.loc["RobustFT", "paper: FPB 70"] == "paper: 76.2 (S)"
    assert pd.isna(paper.loc["RobustFT", "FPB 70"])  # no such data set here
    assert paper.loc["NoiseAL", "paper: MMLU 50"] == "paper: 65.5 (S)"
    assert pd.isna(paper.loc["NoiseAL", "MMLU 50"])  # no such row here
    assert pd.isna(paper.loc["Ours", "paper: MMLU 50"])
    assert paper.loc["Ours", "MMLU 50"].mean is not None
    assert pd.isna(paper.loc["Hermes-3", "MMLU 30"])  # its model was not run
    assert paper.loc["Hermes-3", "model"] == "hermes"


def test_rows_stand_in_the_order_of_the_paper(paper):
    assert paper.index.tolist()[:-3] == [
        "Vanilla", "Hermes-3", "Tulu-3", "SelfLabel", "SFT", "NoiseAL", "SelfRAG", "SelfSelect",
        "RobustFT", "Ours",
    ]  # fmt: skip


def test_a_hole_says_what_became_of_it(paper):
    assert paper.loc["SelfSelect", "MMLU 50"] == Estimate(None, note="3 out-of-memory")
    assert paper.loc["SelfSelect", "seeds"] == "0 of 3, 3 of 3"
    assert paper.loc["RobustFT", "MMLU 70"].note == "1 diverged"


def test_the_last_rows_are_relative_gains(paper, response_study):
    *_, over_vanilla, over_sft, ours = paper.index
    assert over_vanilla == "RobustFT over Vanilla, relative gain in %"
    assert paper.loc[over_sft, "paper: MMLU 70"] == "paper: 81.2 (D)"  # 67.6 / 37.3 - 1
    assert paper.loc[over_vanilla, "paper: MMLU 30"] == "paper: 4.4 (D)"  # 68.2 / 65.3 - 1
    gain = paper.loc[over_sft, "MMLU 30"]
    mine, base = (paper.loc[name, "MMLU 30"].mean for name in ("RobustFT", "SFT"))
    assert gain.mean == pytest.approx(100 * (mine / base - 1))  # the same seeds: all
    assert 0 < gain.low < gain.mean < gain.high
    assert paper.loc[over_sft, "seeds"] == "2 of 3, 3 of 3"
    assert paper.loc[over_vanilla, "seeds"] == "2 of 3, 3 of 3"  # Vanilla ran once, for all
    assert paper.loc[ours, "MMLU 30"].mean is not None
    assert pd.isna(paper.loc[ours, "paper: MMLU 30"])


def test_a_gain_over_what_failed_says_so(response_study):
    settings = Settings(**PAPER | {"gain": {"RobustFT": ["SelfSelect"]}})
    gain = table(response_study, settings).iloc[-1]
    assert gain["MMLU 50"] == Estimate(None, note="nothing to compare")
    assert gain["MMLU 30"].mean > 0


def test_the_papers_defects_stand_in_its_note(paper):
    assert "FPB 70: 73.2 in another table" in paper.loc["RobustFT", "the paper's note"]
    assert "compares characters" in paper.loc["RobustFT", "the paper's note"]
    assert "arXiv 2412.14922" in paper.loc["RobustFT", "the paper's note"]


def test_without_a_paper_every_method_and_noise_stands_there(response_study):
    found = table(response_study, Settings(gain={"robustft": ["zero-shot"]}))
    assert not [name for name in found if "paper" in name]
    assert found["method"].tolist()[:-1] == response_study.methods
    assert list(found.columns[4:]) == [f"mmlu response-{rate}" for rate in (30, 50, 70)]


def test_every_model_has_its_own_rows(large_study):
    found = table(large_study, Settings(gain={"realm": ["sft"]}))
    assert found["model"].tolist() == ["smollm2-135m"] * 7 + ["flan-t5-small"] * 7
    assert found.loc[found["method"].str.startswith("realm over"), "geo linear"].notna().all()


@pytest.mark.parametrize("suffix", WRITERS)
def test_it_is_written_in_every_format(suffix, response_study, tmp_path):
    WRITERS[suffix](tmp_path / f"t.{suffix}", table(response_study, Settings(**PAPER)))
    text = (tmp_path / f"t.{suffix}").read_text(encoding="utf-8")
    assert "paper: 68.2 (S)" in text
    assert "out-of-memory" in text


def test_a_study_that_was_not_run_still_shows_the_papers_table(empty_study):
    found = table(empty_study, Settings(**PAPER)).set_index("method")
    assert found.loc["SFT", "paper: ARC 50"] == "paper: 61.7 (S)"
    assert pd.isna(found.loc["SFT", "MMLU 50"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measures": {"MLU": "accuracy"}}, "measures: 'MLU' is unknown: did you mean 'MMLU'"),
        ({"measures": {"MMLU": "acc"}}, "measure 'acc' is unknown"),
        ({"gain": {"RobustFT": ["SFTT"]}}, "gain: 'SFTT' is unknown: did you mean 'SFT'"),
        ({"gain": {"RobustFT": ["Hermes-3"]}}, "gain: found 'RobustFT' over 'Hermes-3'; allowed"),
        ({"rows": {"SFT": {}}}, "method"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        Settings(**PAPER | change)


def test_a_table_that_the_paper_has_not_is_refused_by_name(response_study):
    with pytest.raises(AnnobenchError, match="table 'mian' is unknown: did you mean 'main'"):
        table(response_study, Settings(**PAPER | {"table": "mian"}))


SETS = ("MMLU", "ARC", "PubMedQA", "DROP", "FPB")
RATELESS = {"Vanilla", "Hermes-3", "Tulu-3", "SelfLabel"}


@pytest.mark.parametrize(
    ("name", "rows", "sets"),
    [("main", 9, SETS), ("other-models", 6, SETS), ("ablation", 6, SETS[:2])],
)
def test_every_cell_of_the_papers_tables_is_there_once(name, rows, sets):
    numbers = published.read(ROBUSTFT, name)
    assert len({number.row for number in numbers}) == rows
    for row in {number.row for number in numbers}:
        rates = [""] if row.split()[-1] in RATELESS else [" 30", " 50", " 70"]
        found = [number.column for number in numbers if number.row == row]
        assert sorted(found) == sorted(f"{name}{rate}" for name in sets for rate in rates)


@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        ("main", "SFT", "PubMedQA 50", "36.7"),
        ("main", "SelfSelect", "PubMedQA 70", "22.6"),
        ("main", "Tulu-3", "FPB", "54.5"),
        ("other-models", "Gemma-2-9B RobustFT", "FPB 70", "87.7"),
        ("other-models", "Llama-3.2-3B SFT", "DROP 30", "77.3"),
        ("ablation", "w/o REL", "ARC 70", "83.6"),
    ],
)
def test_the_papers_numbers_are_those_that_were_published(name, row, column, value):
    found = [n for n in published.read(ROBUSTFT, name) if (n.row, n.column) == (row, column)]
    assert [number.value for number in found] == [value]
