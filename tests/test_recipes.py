import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

import annobench
from annobench import recipes
from annobench.study import Cell, parse_study

STUDY = {
    "study": "small",
    "seeds": [0, 1],
    "datasets": {"geo": {"train": 16, "test": 8}},
    "models": {"model": {"source": "path:model"}},
    "noise": {"linear": {"kind": "expertise", "ladder": "linear"}},
    "methods": {"zero-shot": {}, "sft": {}, "realm": {}, "clean": {}},
    "tables": {"results": {}},
}
ZERO_SHOT = Cell("geo", None, "model", "zero-shot", None)
SFT = Cell("geo", "linear", "model", "sft", 0)
REALM = Cell("geo", "linear", "model", "realm", 0)
CLEAN = Cell("geo", None, "model", "clean", 0)


def changed(**blocks):
    """Which recipes of the study change with these blocks."""
    before, after = parse_study(STUDY, ""), parse_study(STUDY | blocks, "")
    made = {
        "source": lambda study: recipes.source(study, *study.sources()),
        "items": lambda study: recipes.items(study, "geo"),
        "annotations": lambda study: recipes.annotations(study, "geo", "linear", 0),
        "features": lambda study: recipes.features(study, "geo", "model"),
        "evaluation": recipes.evaluation,
        "results": lambda study: recipes.rendering(study.tables["results"]),
        "zero-shot": lambda study: recipes.cell(study, ZERO_SHOT),
        "sft": lambda study: recipes.cell(study, SFT),
        "realm": lambda study: recipes.cell(study, REALM),
        "clean": lambda study: recipes.cell(study, CLEAN),
    }
    texts = {
        name: [recipes.text(of(study)) for study in (before, after)] for name, of in made.items()
    }
    return {name for name, (old, new) in texts.items() if old != new}


def in_order(value):
    """A test's name, the same in every process."""
    return str(sorted(value) if isinstance(value, set) else value)


CELLS = {"zero-shot", "sft", "realm", "clean"}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"study": "renamed"}, set()),
        ({"seeds": [0, 1, 2]}, {"evaluation"}),
        (
            {"datasets": {"geo": {"train": 16, "test": 9}}},
            {"items", "annotations", "features"} | CELLS,
        ),
        ({"models": {"model": {"source": "path:other"}}}, {"source", "features"} | CELLS),
        ({"models": {"model": {"source": "path:model", "score": "mean"}}}, {"features"} | CELLS),
        (
            {"noise": {"linear": {"kind": "expertise", "ladder": "one-good"}}},
            {"annotations", "sft", "realm"},
        ),
        ({"methods": STUDY["methods"] | {"realm": {"expertise_lr": 1}}}, {"realm"}),
        ({"methods": STUDY["methods"] | {"realm": {"training": {"lr": 1}}}}, {"realm"}),
        ({"methods": STUDY["methods"] | {"majority": {}}}, {"evaluation"}),
        ({"training": {"lr": 1}}, CELLS - {"zero-shot"}),
        (
            {"datasets": {"geo": {"train": 16, "test": 8, "training": {"lr": 1}}}},
            CELLS - {"zero-shot"},
        ),
        ({"training": {"precision": "fp32"}}, {"features"} | CELLS),
        ({"training": {"epochs": 3}}, set()),  # the default
        ({"tables": {"results": {"metrics": ["nll"]}}}, {"results"}),
        ({"export": ["realm"]}, {"realm"}),
        ({"views": {"temperature": 0.5, "encoder": {"source": "path:encoder"}}}, set()),
        ({"tables": {}, "figures": {"training-curves": {}}}, set()),
        ({"jobs_per_gpu": 4}, set()),
    ],
    ids=in_order,
)
def test_a_recipe_changes_with_what_decides_the_file(blocks, expected):
    if not blocks.get("tables", True):
        blocks = {**blocks, "tables": STUDY["tables"]}
    assert changed(**blocks) == expected


def test_the_report_is_of_the_whole_study_but_for_what_changes_no_result():
    before, crowded, renamed = (
        recipes.report(parse_study(STUDY | blocks, ""))
        for blocks in ({}, {"jobs_per_gpu": 4}, {"study": "renamed"})
    )
    assert crowded == before != renamed


ASKING = STUDY | {
    "methods": {"robustft": {}, "sampled": {"kind": "robustft", "backend": "generate"}, "sft": {}}
}


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ({"reflections": 1}, {"reasoning", "reasoning-generated", "robustft", "sampled"}),
        ({"temperature": 0.5}, {"base-generated", "reasoning-generated", "robustft", "sampled"}),
        ({"answer_tokens": 8}, {"base", "reasoning", "robustft", "sampled"}),
        ({"encoder": {"source": "path:encoder"}}, {"embeddings", "robustft", "sampled"}),
        ({"reflections": 4}, set()),  # the default
    ],
    ids=in_order,
)
def test_a_key_of_views_changes_the_views_that_it_decides_and_who_reads_them(views, expected):
    studies = [parse_study(ASKING | {"views": keys}, "") for keys in ({}, views)]
    names = ("base", "reasoning", "base-generated", "reasoning-generated")
    made = {
        name: lambda study, name=name: recipes.view(study, "geo", "model", name) for name in names
    }
    made["embeddings"] = lambda study: recipes.embeddings(study, "geo")
    for method in ASKING["methods"]:
        cell = Cell("geo", "linear", "model", method, 0)
        made[method] = lambda study, cell=cell: recipes.cell(study, cell)
    assert {name for name, of in made.items() if of(studies[0]) != of(studies[1])} == expected


def test_how_a_model_is_tuned_changes_no_view():
    tuned = ASKING | {"models": {"model": {"source": "path:model", "tune": {"kind": "full"}}}}
    views = [recipes.view(parse_study(s, ""), "geo", "model", "base") for s in (ASKING, tuned)]
    assert views[0] == views[1]


PAIRED = STUDY | {
    "datasets": {
        "pairs": {
            "kind": "geo-pairs",
            "stronger": {"source": "path:model"},
            "weaker": {"source": "path:model", "damage": 0.2},
        }
    },
    "noise": {"half": {"kind": "users"}},
    "methods": {"users": {}, "dpo": {}},
}
LESS = PAIRED["datasets"]["pairs"] | {"weaker": {"source": "path:model", "damage": 0.1}}
CRITIC = PAIRED["datasets"]["pairs"] | {"reward_model": {"source": "path:judge"}}
PATIENT = PAIRED["datasets"]["pairs"] | {"training": {"epochs": 9}}
EVERY = {"responses", "items", "annotations", "features", "view", "users", "dpo"}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"datasets": {"pairs": LESS}}, EVERY),
        ({"datasets": {"pairs": CRITIC}}, EVERY),
        ({"datasets": {"pairs": PATIENT}}, {"dpo"}),
        ({"noise": {"half": {"kind": "users", "position": 0.2}}}, {"annotations", "users", "dpo"}),
        ({"methods": {"users": {}, "dpo": {"beta": 0.5}}}, {"dpo"}),
        ({"methods": {"users": {"users": {"kind": "beta"}}, "dpo": {}}}, {"users"}),
        ({"models": {"model": {"source": "path:other"}}}, {"features", "view", "users", "dpo"}),
        ({"views": {"response_tokens": 9}}, {"view", "dpo"}),
        ({"views": {"new_tokens": 9}}, set()),
        ({"training": {"lr": 1}}, {"dpo"}),
        ({"training": {"precision": "fp32"}}, {"responses", "features", "view", "dpo", "users"}),
        ({"seeds": [0, 1, 2]}, set()),
    ],
    ids=in_order,
)
def test_what_makes_responses_stale(blocks, expected):
    studies = [parse_study(given, "") for given in (PAIRED, PAIRED | blocks)]
    made = {
        "responses": lambda study: recipes.responses(study, "pairs"),
        "items": lambda study: recipes.items(study, "pairs"),
        "annotations": lambda study: recipes.annotations(study, "pairs", "half", 0),
        "features": lambda study: recipes.features(study, "pairs", "model"),
        "view": lambda study: recipes.view(study, "pairs", "model", "responses"),
    }
    for method in ("users", "dpo"):
        cell = Cell("pairs", "half", "model", method, 0)
        made[method] = lambda study, cell=cell: recipes.cell(study, cell)
    assert {name for name, of in made.items() if of(studies[0]) != of(studies[1])} == expected


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("stages/respond.py", False),
        ("models/rewarding.py", False),
        ("models/generating.py", False),
        ("data/geo_pairs.py", False),
        ("data/geo.py", False),
        ("data/comparisons.py", True),
        ("noise/users.py", True),
        ("methods/dpo.py", True),
        ("stages/train.py", True),
    ],
)
def test_the_code_of_responses_is_what_makes_them(original, copy, path, same):
    source = copy / "annobench" / path
    source.write_text(source.read_text(encoding="utf-8") + "\nX = 1\n", encoding="utf-8")
    modules = ("annobench.stages.respond", "annobench.data.geo_pairs")
    assert (digest(copy, *modules) == digest(original, *modules)) == same


def test_names_of_entries_are_part_of_the_random_streams_and_so_of_recipes():
    renamed = yaml.safe_load(yaml.safe_dump(STUDY).replace("geo:", "geo2: \n    kind: geo"))
    other = parse_study(renamed, "")
    assert recipes.items(other, "geo2") != recipes.items(parse_study(STUDY, ""), "geo")


def test_a_recipe_is_equal_in_any_order_of_keys():
    turned = {key: STUDY[key] for key in reversed(STUDY)}
    turned["methods"] = dict(reversed(STUDY["methods"].items()))
    turned["datasets"] = {"geo": {"test": 8, "train": 16}}
    assert changed(**turned) == set()
    whole = [recipes.text(recipes.whole(parse_study(given, ""))) for given in (STUDY, turned)]
    assert whole[0] == whole[1]


@cache
def digest(folder, *modules, call="recipes.code(*sys.argv[1:])"):
    """`recipes.code` of a copy of the package, in a process of its own."""
    code = f"import sys; from annobench import recipes; print({call})"
    done = subprocess.run(
        [sys.executable, "-c", code, *modules],
        env={"PYTHONPATH": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    package = Path(annobench.__path__[0])
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, folder / "annobench", ignore=ignored)
    return folder


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "copy")


REALM_CODE = ("annobench.stages.record", "annobench.methods.realm")
LOSS = "return -log_mixture(rows.expected_log_p(log_p), omega, rows.options)"


@pytest.mark.parametrize(
    ("path", "old", "new", "same"),
    [
        ("methods/realm.py", LOSS, LOSS + "  # a comment", True),
        ("methods/realm.py", LOSS, LOSS.replace(", omega", ",\n        omega"), True),
        ("methods/realm.py", '"""beta of each annotator."""', '"""beta."""', True),
        ("methods/realm.py", '    """beta of each annotator."""\n', "", True),
        ("methods/realm.py", LOSS, LOSS.replace("-log", "-2 * log"), False),
        ("methods/realm.py", "0.8", "0.80", True),
        ("methods/realm.py", "0.8", "0.81", False),
        ("methods/sft.py", "NEEDS = Needs(annotations=True)", "NEEDS = Needs(False, True)", False),
        ("training/loop.py", "fused=True", "fused=False", False),  # imported by the stage
        ("targets.py", "def one_hot(", "def unused(): ...\n\n\ndef one_hot(", False),
        ("methods/majority.py", "NEEDS = Needs(annotations=True)", "NEEDS = Needs(True)", True),
        ("reporting/style.py", "\ndef ", "\nX = 1\n\n\ndef ", True),
        ("data/geo.py", "OPTIONS = 4", "OPTIONS = 5", True),
    ],
)
def test_the_digest_changes_with_the_code_that_is_imported(original, copy, path, old, new, same):
    source = copy / "annobench" / path
    text = source.read_text(encoding="utf-8")
    assert old in text
    source.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert (digest(copy, *REALM_CODE) == digest(original, *REALM_CODE)) == same


def test_what_another_process_parsed_counts_for_the_same_text_only(original, copy):
    found = digest(original, *REALM_CODE, call="(recipes.code(*sys.argv[1:]), recipes.parsed)[1]")
    known = f"recipes.parsed.update({found.strip()})"
    parse = "setattr(recipes.ast, 'parse', lambda source: sys.exit('parsed'))"
    call = f"[{known}, {parse}, recipes.code(*sys.argv[1:])][2]"
    assert digest(original, *REALM_CODE, call=call) == digest(original, *REALM_CODE)
    source = copy / "annobench" / "methods" / "realm.py"
    source.write_text(source.read_text(encoding="utf-8") + "\nX = 1\n", encoding="utf-8")
    call = f"[{known}, recipes.code(*sys.argv[1:])][1]"
    assert digest(copy, *REALM_CODE, call=call) == digest(copy, *REALM_CODE)
    assert digest(copy, *REALM_CODE, call=call) != digest(original, *REALM_CODE)


def test_a_digest_takes_in_modules_that_are_imported_inside_functions(original, copy):
    """methods/dawid_skene.py imports its aggregation late."""
    source = copy / "annobench" / "aggregation" / "__init__.py"
    source.write_text(source.read_text(encoding="utf-8") + "\nX = 1\n", encoding="utf-8")
    module = "annobench.methods.dawid_skene"
    assert digest(copy, module) != digest(original, module)
    assert digest(copy, "annobench.methods.realm") == digest(original, "annobench.methods.realm")


@pytest.mark.parametrize(
    "metric", ["metrics/nll.py", "text_metrics/exact_match.py", "distribution_metrics/kl.py"]
)
def test_the_code_of_the_evaluation_holds_every_metric(original, copy, metric):
    source = copy / "annobench" / "evaluation" / metric
    source.write_text(source.read_text(encoding="utf-8") + "\nX = 1\n", encoding="utf-8")
    call = "recipes.evaluation_code()"
    assert digest(copy, call=call) != digest(original, call=call)


def test_a_digest_is_made_without_importing_the_modules():
    code = (
        "import sys; from annobench import recipes; recipes.code('annobench.stages.record');"
        "sys.exit('torch' in sys.modules or 'annobench.stages.record' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_module_is_refused():
    with pytest.raises(ModuleNotFoundError):
        recipes.code("annobench.nothing")


def test_the_code_of_a_cell_is_its_own_methods_only():
    study = parse_study(STUDY, "")
    codes = {cell: recipes.cell_code(study, cell) for cell in (ZERO_SHOT, SFT, REALM, CLEAN)}
    assert len(set(codes.values())) == 4
    assert recipes.annotations_code(study, "linear") != recipes.items_code(study, "geo")
    table = recipes.rendering_code("tables", study.tables["results"])
    assert table != recipes.evaluation_code()
    paired = parse_study(PAIRED, "")
    assert recipes.responses_code(paired, "pairs") != recipes.items_code(paired, "pairs")


def test_the_study_as_it_is_run_keeps_what_is_switched_off():
    """A null whose default is something else is still null in the file that the jobs read."""
    off = STUDY | {
        "methods": {"robustft": {"checker": None}, "small-loss": {"keep": None}, "clean": {}},
        "datasets": {"geo": {"train": 16, "test": 8}, "arc": {"validation": None}},
    }
    study = parse_study(off, "")
    again = parse_study(recipes.whole(study), "")
    assert again.model_dump() == study.model_dump()
    assert again.methods["robustft"].checker is None
