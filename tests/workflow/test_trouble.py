"""Whatever goes wrong, a study says so, loses nothing that is finished, and can go on."""

import base64
import ctypes
import os
import shutil
import signal
from functools import partial

import pandas as pd
import pytest

from annobench import layout
from annobench.files import read_json

CELL = "geo/half-good/llama/realm/0"
MANIFEST = layout.MODEL.format(asset=layout.asset("path:model"))
FOLDER = f"results/tiny/cells/{CELL}"
CHECKPOINT = f"results/tiny/checkpoints/{CELL}.safetensors"


def test_a_diverged_method_is_shown_as_a_hole_and_the_study_goes_on(done_study):
    before = done_study.records()
    done_study.edit("config.yaml", "clean: {}", "clean: {training: {lr: 1.0e+30}}")
    done_study.finish()

    changed = {path for path, made in before.items() if path.stat().st_mtime_ns != made}
    assert {path.parent.parent.name for path in changed} == {"clean"}
    for path in changed:
        run = read_json(path)
        assert run["status"] == "diverged"
        assert "step 2" in run["reason"]
        assert pd.read_parquet(path.parent / "predictions.parquet").empty
    costs = pd.read_parquet(done_study.path("results/tiny/costs.parquet"))
    assert set(costs["status"][costs["method"] == "clean"]) == {"diverged"}
    assert set(costs["status"][costs["method"] != "clean"]) == {"ok"}
    metrics = pd.read_parquet(done_study.path("results/tiny/metrics.parquet"))
    clean = metrics["method"] == "clean"
    assert set(metrics["status"][clean]) == {"diverged"}
    assert metrics["value"][clean].isna().all()
    assert metrics["value"][~clean & (metrics["metric"] == "accuracy")].notna().all()
    table = done_study.path("results/tiny/tables/results.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if " clean " in line]
    assert len(rows) == 2  # one for each noise
    assert all("0 of 2" in row and "2 diverged" in row for row in rows)
    assert done_study.planned() == []


def test_a_killed_training_continues_to_the_same_result(done_study, wait_for, caplog):
    done_study.edit("config.yaml", "epochs: 1", "epochs: 40")
    train = f"train config.yaml {CELL}"
    names = ("targets", "predictions", "annotators")
    files = [done_study.path(f"{FOLDER}/{name}.parquet") for name in names]
    history = done_study.path(f"{FOLDER}/history.parquet")
    checkpoint = done_study.path(CHECKPOINT)

    assert done_study.call(train)[0] == 0
    assert "continue from the checkpoint" not in caplog.text
    expected, losses = [path.read_bytes() for path in files], pd.read_parquet(history)["loss"]
    for path in done_study.path(FOLDER).iterdir():
        path.unlink()

    made = 0
    for attempt in ("first", "second"):
        process = done_study.start("annobench", *train.split(), "--checkpoint-seconds", "0")
        made = wait_for(partial(newer, checkpoint, made))
        process.kill()
        _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert ("continue from the checkpoint" in err) == (attempt == "second")
        assert not list(done_study.path(FOLDER).iterdir())
    assert done_study.call(train)[0] == 0
    assert "continue from the checkpoint" in caplog.text
    assert [path.read_bytes() for path in files] == expected
    pd.testing.assert_series_equal(pd.read_parquet(history)["loss"], losses)
    assert not checkpoint.exists()


def newer(path, time_ns):
    """When the file was last written, if that was after `time_ns`."""
    try:
        made = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return made if made > time_ns else None


def test_a_killed_study_is_finished_by_one_command(new_study, wait_for):
    for line in ("  sft: {}", "  realm: {}", "  comparisons: {}", "  accuracy-by-noise: {}"):
        new_study.edit("config.yaml", f"{line}\n", "")
    run = ("snakemake", "--cores", "2")
    process = new_study.start(*run, start_new_session=True)
    # Three cells on two cores: the third begins when Snakemake knows that one is finished.
    logs = new_study.path("results/tiny/logs/train")
    wait_for(lambda: len(list(logs.rglob("*.log"))) == 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    marks = new_study.path(".snakemake/incomplete").iterdir()
    incomplete = {base64.b64decode(mark.name).decode() for mark in marks}
    before = {
        path: made
        for path, made in new_study.records().items()
        if str(path.relative_to(new_study.folder)) not in incomplete
    }
    assert before
    assert incomplete

    new_study.do(*run)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert new_study.path("results/tiny/report.html").exists()
    assert new_study.planned() == []


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("prepare config.yaml geo", "results/tiny/data/geo/items.parquet"),
        (
            "annotate config.yaml geo half-good 0",
            "results/tiny/annotations/geo/half-good/0.truth.parquet",
        ),
        ("encode config.yaml geo llama", "results/tiny/features/geo/llama/states.safetensors"),
        (f"train config.yaml {CELL}", f"{FOLDER}/targets.parquet"),
        (f"train config.yaml {CELL} --checkpoint-seconds 0", CHECKPOINT),
        ("fetch config.yaml path:model", MANIFEST),
        ("view config.yaml geo llama base", "results/tiny/views/geo/llama/base.parquet"),
        ("evaluate config.yaml", "results/tiny/metrics.parquet"),
        (f"export exporting.yaml {CELL}", f"results/tiny/models/{CELL}"),
        ("table config.yaml results", "results/tiny/tables/results.html"),
        ("figure config.yaml training-curves", "results/tiny/figures/training-curves.png"),
    ],
)
def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(done_study, command, file):
    text = done_study.path("config.yaml").read_text(encoding="utf-8")
    done_study.path("exporting.yaml").write_text(f"{text}export: [realm]\n", encoding="utf-8")
    folder = done_study.path(file).parent
    if command.startswith("export"):
        assert done_study.call(f"train exporting.yaml {CELL}")[0] == 0
    if not command.startswith("evaluate"):
        shutil.rmtree(folder, ignore_errors=True)
    done_study.refuses_a_full_disk(command, file)


def test_a_report_on_a_full_disk_is_none_and_the_next_run_makes_it(done_study):
    report = done_study.path("results/tiny/report.html")
    report.unlink()
    with done_study.full_disk(100_000):
        done = done_study.run("snakemake", "--cores", "2")
    assert done.returncode != 0
    assert "File too large" in done.stdout + done.stderr
    assert not report.exists()
    done_study.finish()
    assert report.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert done_study.planned() == []


def without_privilege():
    """root writes into any folder, unless it gives up CAP_DAC_OVERRIDE (1) before exec."""
    PR_CAPBSET_DROP = 24
    if os.geteuid() == 0:
        assert ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, 1, 0, 0, 0) == 0


@pytest.mark.parametrize("command", ["annobench prepare config.yaml geo", "snakemake --cores 1"])
def test_a_read_only_results_folder_is_one_sentence(new_study, command):
    results = new_study.path("results")
    results.mkdir()
    results.chmod(0o555)
    done = new_study.run(*command.split(), preexec_fn=without_privilege)
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("annobench: error: ")]
    assert len(errors) == 1
    assert "results/tiny/" in errors[0]
    assert errors[0].endswith("cannot be written: Permission denied")
    assert "Traceback" not in done.stderr
    assert not list(results.iterdir())


def test_a_failing_job_shows_its_sentence_and_the_others_go_on(new_study):
    weights = new_study.path("model/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-100])
    done = new_study.run("snakemake", "--cores", "2")
    assert done.returncode != 0
    assert "annobench: error: model: cannot be loaded as a language model: " in done.stderr
    assert "Traceback" not in done.stderr
    for noise in ("half-good", "one-good"):
        for seed in (0, 1):
            assert new_study.path(f"results/tiny/annotations/geo/{noise}/{seed}.parquet").exists()
    assert not new_study.path("results/tiny/cells").exists()


def test_a_broken_cell_may_be_removed_by_hand(done_study):
    broken = done_study.path(f"{FOLDER}/predictions.parquet")
    broken.write_bytes(b"no table")
    done_study.path("results/tiny/metrics.parquet").unlink()
    done_study.edit("src/annobench/evaluation/metrics/nll.py", "1e-12", "1e-13")
    done = done_study.run("snakemake", "--cores", "2")
    assert done.returncode != 0
    assert f"{FOLDER}/predictions.parquet: is damaged" in done.stdout + done.stderr
    shutil.rmtree(broken.parent)
    done_study.finish()
    assert broken.exists()
    assert done_study.planned() == []
