"""Stale means changed content: what a dry-run plans after a finished study was touched or changed.

The expected jobs are those of the design, "Stale means changed content".
"""

import shutil
import time

import pytest

EVALUATION = ["gather geo llama", "evaluate"]
TABLES = ["table comparisons", "table results"]
FIGURES = ["figure accuracy-by-noise", "figure training-curves"]
SHOWN = [*EVALUATION, *FIGURES, "report", *TABLES]
"""What follows from any cell."""
REALM = [
    f"train geo/{noise}/llama/realm/{seed}"
    for noise in ("half-good", "one-good")
    for seed in (0, 1)
]


def trained(cells):
    return [f"train {cell}" for cell in cells]


def test_a_finished_study_has_nothing_to_do(done_study):
    assert done_study.planned() == []


def test_touching_every_source_reruns_nothing(done_study):
    later = time.time() + 60
    for path in [done_study.path("Snakefile"), done_study.path("config.yaml")]:
        path.touch()
    for name in ("src", "workflow", "profiles", "envs", "model"):
        for path in done_study.path(name).rglob("*"):
            if path.is_file():
                path.touch()
                assert path.stat().st_mtime < later
    assert done_study.planned() == []


def test_a_fresh_clone_beside_moved_results_reruns_nothing(done_study, fresh, tmp_path):
    clone = type(done_study)(tmp_path / "clone")
    shutil.copytree(fresh.folder, clone.folder, copy_function=shutil.copy)  # with new times
    for name in ("results", "assets", ".snakemake"):
        shutil.move(done_study.path(name), clone.path(name))
    assert clone.planned() == []


def test_writing_the_frozen_study_anew_reruns_nothing(done_study):
    frozen = done_study.path("results/tiny/study.json")
    text = frozen.read_text()
    frozen.write_text(text.replace('"epochs": 1.0', '"epochs": 1.00'))
    assert frozen.read_text() != text
    assert done_study.planned() == []


def test_moving_keys_about_and_comments_rerun_nothing(done_study):
    done_study.path("config.yaml").write_text(
        """\
# The same study in another order.
figures: {training-curves: {}, accuracy-by-noise: {}}
tables: {comparisons: {}, results: }
training: {precision: fp32, items_per_batch: 8, epochs: 1.0}
methods: {clean: {}, realm: {kind: realm}, sft: {}, zero-shot: {}}
noise:
  one-good: {labels_per_item: 2, annotators: 4, ladder: one-good, kind: expertise}
  half-good: {kind: expertise, annotators: 4, ladder: half-good, labels_per_item: 2}
models:
  llama: {tune: {layers: 1, kind: top-layers}, source: "path:model"}  # as before
datasets:
  geo: {test: 8, train: 16, source: geonames, tasks: [city]}
seeds:
  - 0
  - 1
study: tiny
""",
        encoding="utf-8",
    )
    assert done_study.planned() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    omega = parameters[", "    # what each annotator is worth\n    omega = parameters["),
        ('"""beta of each annotator."""', '"""The learned beta, one per annotator."""'),
        ('"""Epochs before omega begins to learn."""', '"""Omega rests for so many epochs."""'),
    ],
    ids=["comment", "docstring", "description"],
)
def test_prose_in_a_method_reruns_nothing(done_study, old, new):
    path = done_study.path("src/annobench/methods/realm.py")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert done_study.planned() == []


def test_a_changed_method_reruns_its_cells_and_what_follows(done_study):
    done_study.edit(
        "src/annobench/methods/realm.py",
        'return {"omega": torch.full((len(given.annotators),), start)}',
        'return {"omega": torch.full((len(given.annotators),), start - 0.0)}',
    )
    assert done_study.planned() == sorted(REALM + SHOWN)


def test_a_changed_metric_reruns_no_cell(done_study):
    done_study.edit("src/annobench/evaluation/metrics/nll.py", "1e-12", "1e-13")
    assert done_study.planned() == sorted(SHOWN)


def test_one_more_seed_adds_only_its_own_cells(done_study):
    done_study.edit("config.yaml", "seeds: [0, 1]", "seeds: [0, 1, 2]")
    drawn = [f"annotate geo {noise} 2" for noise in ("half-good", "one-good")]
    cells = [
        "geo/_/llama/clean/2",
        *[f"geo/{n}/llama/{m}/2" for n in ("half-good", "one-good") for m in ("realm", "sft")],
    ]
    assert done_study.planned() == sorted(drawn + trained(cells) + SHOWN)


def test_a_figures_setting_reruns_that_figure(done_study):
    done_study.edit("config.yaml", "training-curves: {}", "training-curves: {window: 2}")
    assert done_study.planned() == ["figure training-curves", "report"]


def test_a_datasets_setting_reruns_all_but_fetch(done_study, all_cells):
    done_study.edit("config.yaml", "test: 8", "test: 9")
    annotate = [f"annotate geo {n} {s}" for n in ("half-good", "one-good") for s in (0, 1)]
    upstream = ["prepare geo", "encode geo llama", *annotate]
    assert done_study.planned() == sorted(upstream + trained(all_cells) + SHOWN)


def test_a_noises_setting_reruns_what_sees_that_noise(done_study):
    done_study.edit("config.yaml", "one-good, annotators: 4", "one-good, annotators: 5")
    annotate = [f"annotate geo one-good {seed}" for seed in (0, 1)]
    cells = [f"geo/one-good/llama/{m}/{s}" for m in ("realm", "sft") for s in (0, 1)]
    assert done_study.planned() == sorted(annotate + trained(cells) + SHOWN)


@pytest.mark.parametrize("setting", ["training: {lr: 1.0e-3}", "expertise_lr: 0.2"])
def test_a_methods_setting_reruns_its_cells_only(done_study, setting):
    done_study.edit("config.yaml", "realm: {}", f"realm: {{{setting}}}")
    assert done_study.planned() == sorted(REALM + SHOWN)


def test_a_training_setting_reruns_what_trains(done_study, all_cells):
    done_study.edit("config.yaml", "epochs: 1", "epochs: 2")
    cells = [cell for cell in all_cells if "zero-shot" not in cell]
    assert done_study.planned() == sorted(trained(cells) + SHOWN)


def test_a_removed_method_reruns_no_cell(done_study):
    done_study.edit("config.yaml", "  sft: {}\n", "")
    assert done_study.planned() == sorted(SHOWN)


def test_a_removed_cell_is_made_again_with_what_is_made_of_it(done_study):
    shutil.rmtree(done_study.path("results/tiny/cells/geo/_/llama/clean"))
    done_study.path("results/tiny/metrics.parquet").unlink()
    cells = [f"geo/_/llama/clean/{seed}" for seed in (0, 1)]
    assert done_study.planned() == []
    done_study.edit("src/annobench/evaluation/metrics/nll.py", "1e-12", "1e-13")
    assert done_study.planned() == sorted(trained(cells) + SHOWN)
