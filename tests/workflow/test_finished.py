"""What a finished study holds: every file of the design's walk, its logs, and its report."""

import re

import pandas as pd
import pytest

from annobench import layout, tables
from annobench.files import read_json


def test_every_cell_has_its_five_files(finished, all_cells):
    for cell in all_cells:
        folder = finished.path(f"results/tiny/cells/{cell}")
        assert {path.name for path in folder.iterdir()} == set(layout.CELL_FILES)
        run = read_json(folder / "run.json")
        assert (run["status"], run["reason"]) == ("ok", None)
        for name in ("targets", "predictions", "annotators", "history"):
            tables.read(folder / f"{name}.parquet", getattr(tables, name.upper()))


def test_all_methods_see_the_same_labels_and_items(finished):
    for noise in ("half-good", "one-good"):
        drawn = finished.path(f"results/tiny/annotations/geo/{noise}/0.parquet")
        labels = pd.read_parquet(drawn)
        for method in ("sft", "realm"):
            cell = finished.path(f"results/tiny/cells/geo/{noise}/llama/{method}/0")
            targets = pd.read_parquet(cell / "targets.parquet")
            seen = targets[["item", "annotator"]].assign(
                label=[row.argmax() for row in targets["distribution"]]
            )
            pd.testing.assert_frame_equal(
                seen.sort_values(["item", "annotator"], ignore_index=True),
                labels[seen.columns].sort_values(["item", "annotator"], ignore_index=True),
            )


def test_the_tables_of_the_study_hold_every_cell(finished, all_cells):
    runs = pd.read_parquet(finished.path("results/tiny/runs.parquet"))
    assert len(runs) == len(all_cells)
    for name in layout.STUDY_TABLES:
        tables.read(finished.path(f"results/tiny/{name}.parquet"), tables.STUDY_SCHEMAS[name])


def test_tables_figures_and_report_are_there(finished):
    for name in ("results", "comparisons"):
        for suffix in layout.TABLE_SUFFIXES:
            assert finished.path(f"results/tiny/tables/{name}.{suffix}").stat().st_size
    for name in ("accuracy-by-noise", "training-curves"):
        png = finished.path(f"results/tiny/figures/{name}.png").read_bytes()
        assert png.startswith(b"\x89PNG")
        assert finished.path(f"results/tiny/figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    report = finished.path("results/tiny/report.html").read_text(encoding="utf-8")
    assert "Study tiny: data set geo; model llama; noise half-good, one-good" in report


@pytest.mark.parametrize(
    ("log", "command"),
    [
        ("assets/logs/*.log", "fetch results/tiny/study.json path:model"),
        ("results/tiny/logs/prepare/geo.log", "prepare results/tiny/study.json geo"),
        (
            "results/tiny/logs/annotate/geo/one-good/1.log",
            "annotate results/tiny/study.json geo one-good 1",
        ),
        ("results/tiny/logs/encode/geo/llama.log", "encode results/tiny/study.json geo llama"),
        (
            "results/tiny/logs/train/geo/_/llama/zero-shot/_.log",
            "train results/tiny/study.json geo/_/llama/zero-shot/_",
        ),
        ("results/tiny/logs/gather/geo/llama.log", "gather results/tiny/study.json geo llama"),
        ("results/tiny/logs/evaluate.log", "evaluate results/tiny/study.json --processes 2"),
        ("results/tiny/logs/tables/results.log", "table results/tiny/study.json results"),
        (
            "results/tiny/logs/figures/training-curves.log",
            "figure results/tiny/study.json training-curves",
        ),
    ],
)
def test_a_log_begins_with_the_command_that_runs_by_hand(finished, log, command):
    (path,) = finished.folder.glob(log)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(rf"\d\d:\d\d:\d\d \$ annobench {re.escape(command)}", first)


def test_show_prints_the_first_table_and_where_the_report_is(done_study):
    printed = done_study.do("annobench", "show", "config.yaml")
    head, *rows = [line for line in printed.splitlines() if line.strip()]
    assert "accuracy" in head
    assert any("realm" in row for row in rows)
    assert rows[-1] == "report: results/tiny/report.html"
