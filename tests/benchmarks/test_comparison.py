import pytest
from comparison import Run, accuracies, extrapolate, markdown, ratios, steps_to_run
from engine_vs_trainer import benchmark_study

from annobench.errors import AnnobenchError
from annobench.study import parse_study

STUDY = {
    "study": "quick",
    "seeds": [0, 1],
    "datasets": {"geo": {"source": "geonames", "train": 40, "test": 20}},
    "models": {"tiny": {"source": "path:tiny"}},
    "noise": {"half-good": {"kind": "expertise", "ladder": "half-good", "labels_per_item": 3}},
    "methods": {"realm": {"training": {"epochs": 1}}, "sft": {}},
}


def run(side, seed, seconds, accuracy=None, extrapolated=False, memory=2**30):
    return Run(
        side=side,
        seed=seed,
        seconds=seconds,
        process_seconds=seconds + 5,
        peak_memory_bytes=memory,
        steps=75,
        trained_parameters=10,
        accuracy=accuracy,
        extrapolated=extrapolated,
        device="cpu",
        load_average=0.1,
    )


RUNS = [
    run("shared states", None, 5),
    run("engine", 0, 10, 0.70),
    run("trainer", 0, 500, 0.74, memory=3 * 2**30),
    run("trainer", 1, 410, 0.70, memory=3 * 2**30),
    run("engine", 1, 10, 0.71),
    run("engine", 2, 20, 0.72),
    run("trainer", 2, 600, 0.72, memory=3 * 2**30),
]
CUT = [
    run("shared states", None, 5),
    run("engine", 0, 10, 0.7),
    run("trainer", 0, 500, extrapolated=True),
]


def report(runs):
    return {
        "cell": "geo/half-good/tiny/realm",
        "threads": 2,
        "processor": "a processor",
        "runs": [vars(run) for run in runs],
        "ratios": [vars(ratio) for ratio in ratios(runs)],
        "accuracy": accuracies(runs),
    }


def test_ratios_are_the_trainers_over_the_engines_by_seed():
    found = {ratio.of: (ratio.median, ratio.min, ratio.max) for ratio in ratios(RUNS)}
    assert found["training"] == (41, 30, 50)
    assert found["training + shared states"] == pytest.approx((410 / 15, 600 / 25, 500 / 15))
    assert found["whole process"] == pytest.approx((415 / 15, 605 / 25, 505 / 15))
    assert found["whole process + shared states"] == pytest.approx((605 / 35, 415 / 25, 505 / 25))
    assert found["peak memory"] == (3, 3, 3)
    assert not any(ratio.extrapolated for ratio in ratios(RUNS))


def test_accuracies_are_compared_by_their_means():
    found = accuracies(RUNS)
    assert found["engine"] == pytest.approx(0.71)
    assert found["trainer"] == pytest.approx(0.72)
    assert found["difference"] == pytest.approx(-0.01)
    assert found["within_margin"] is True
    assert accuracies(RUNS[:3])["within_margin"] is False


def test_a_trainer_that_was_cut_short_has_no_accuracy_and_its_rows_say_extrapolated():
    assert all(ratio.extrapolated for ratio in ratios(CUT))
    found = accuracies(CUT)
    assert (found["trainer"], found["difference"], found["within_margin"]) == (None, None, None)
    lines = markdown(report(CUT)).splitlines()
    (trainer,) = (line for line in lines if line.startswith("| trainer  "))
    assert trainer.split("|")[-3:-1] == ["          ", " yes          "]
    assert "not compared" in lines[-1]


def test_the_tables_hold_every_run_and_every_ratio():
    text = markdown(report(RUNS))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["trainer", "1", "410.0", "415.0", "3072", "75", "0.7000", "no"] in rows
    assert ["shared states", "", "5.0", "10.0", "1024", "75", "", "no"] in rows
    assert ["training", "41.0", "30.0", "50.0", "no"] in rows
    assert text.endswith("difference -0.0100; within 0.02: yes.")


def test_extrapolation_keeps_the_first_step_and_repeats_the_mean_of_the_rest():
    assert extrapolate([5, 7, 8, 11], 4) == 11
    assert extrapolate([5, 7, 8, 11], 11) == 5 + 10 * 2


@pytest.mark.parametrize(
    ("share", "per_epoch", "steps", "run"),
    [(0.1, 25, 75, 4), (0.2, 25, 75, 6), (1, 25, 75, 26), (1, 25, 20, 20)],
)
def test_a_share_of_an_epoch_is_run_after_one_step_to_warm_up(share, per_epoch, steps, run):
    assert steps_to_run(share, per_epoch, steps) == run


def test_the_benchmark_has_a_study_of_its_own():
    study = benchmark_study(parse_study(STUDY, "test"), "geo/half-good/tiny/realm", [3], 2)
    assert (study.study, study.seeds, study.training.threads) == ("engine-vs-trainer", [3], 2)
    assert study.methods["realm"].training.epochs == 1


@pytest.mark.parametrize(
    ("cell", "change", "message"),
    [
        ("geo/one-good/tiny/realm", {}, "--cell: found 'geo/one-good/tiny/realm'; allowed: geo/"),
        ("geo/half-good/tiny/sft", {}, "--cell: found method 'sft' with score 'sum'; allowed"),
        (
            "geo/half-good/tiny/realm",
            {"models": {"tiny": {"source": "path:tiny", "training": {"threads": 1}}}},
            "--threads: found 2; allowed: 1, as the study's entries say",
        ),
    ],
)
def test_what_the_peer_cannot_do_is_refused(cell, change, message):
    with pytest.raises(AnnobenchError) as error:
        benchmark_study(parse_study(STUDY | change, "test"), cell, None, 2)
    assert str(error.value).startswith(message)
