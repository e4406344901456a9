import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from annobench import recipes
from annobench.data import geo
from annobench.errors import AnnobenchError
from annobench.methods import Needs, sft, zero_shot
from annobench.registry import kinds
from annobench.study import Cell, Study, parse_study, read_study

STUDY = """\
study: small
seeds: [0, 1]
datasets:
  geo: {source: geonames, train: 16, test: 8}
models:
  model: {source: "path:model", tune: {kind: top-layers, layers: 1}}
noise:
  half-good: {kind: expertise, ladder: half-good, annotators: 4, labels_per_item: 2}
  linear: {kind: expertise, ladder: linear, annotators: 4, labels_per_item: 2}
methods:
  zero-shot: {}
  sft: {}
  realm:
  clean: {}
training: {epochs: 1}
tables:
  results: {}
  comparisons: {}
figures:
  training-curves: {}
"""

QUICK = Path(__file__).parents[1] / "config.yaml"


def study(old="", new=""):
    assert not old or STUDY.count(old) == 1
    return parse_study(yaml.safe_load(STUDY.replace(old, new) if old else STUDY), "study.yaml")


def test_every_draw_of_annotations_comes_once():
    assert study().draws() == [
        {"dataset": "geo", "noise": noise, "seed": seed}
        for noise in ("half-good", "linear")
        for seed in (0, 1)
    ]
    excluded = study("training: {", "exclude: [{noise: [linear]}]\ntraining: {").draws()
    assert {draw["noise"] for draw in excluded} == {"half-good"}


def test_a_row_may_name_a_data_set_or_one_of_its_tasks():
    found = study("comparisons: {}", "published: {rows: {geo: null, geo/city: ARC}}")
    assert found.tables["published"].rows == {"geo": None, "geo/city": "ARC"}


def test_a_cell_depends_only_on_the_axes_that_its_method_needs():
    cells = study().cells()
    assert [cell.path for cell in cells] == sorted(
        [
            "geo/_/model/clean/0",
            "geo/_/model/clean/1",
            "geo/_/model/zero-shot/_",
            *[
                f"geo/{n}/model/{m}/{s}"
                for n in ("half-good", "linear")
                for m in ("realm", "sft")
                for s in (0, 1)
            ],
        ]
    )
    assert Cell("geo", None, "model", "clean", 1) in cells
    assert Cell("geo", None, "model", "zero-shot", None) in cells


def test_the_order_of_cells_does_not_depend_on_the_order_of_keys():
    turned = yaml.safe_load(STUDY)
    turned["methods"] = dict(reversed(turned["methods"].items()))
    turned["noise"] = dict(reversed(turned["noise"].items()))
    turned["seeds"] = [1, 0]
    assert parse_study(turned, "").cells() == study().cells()


@pytest.mark.parametrize(
    ("exclusion", "left"),
    [
        ("{methods: [sft, realm]}", 3),
        ("{noise: [linear]}", 7),  # cells without noise stay
        ("{methods: [sft], noise: [linear]}", 9),
        ("{models: [model], methods: [zero-shot]}", 10),
    ],
)
def test_an_exclusion_leaves_out_the_cells_that_match_all_its_axes(exclusion, left):
    given = study("training: {", f"exclude: [{exclusion}]\ntraining: {{")
    assert len(given.cells()) == left


def test_overrides_are_laid_over_one_another():
    given = parse_study(
        yaml.safe_load(STUDY)
        | {
            "training": {"epochs": 1, "lr": 0.1, "warmup": 0.1, "threads": 2, "row_tokens": 64},
            "datasets": {
                "geo": {"training": {"epochs": 2, "lr": 0.2, "warmup": 0.2, "threads": 3}}
            },
            "models": {
                "model": {"source": "path:m", "training": {"epochs": 3, "lr": 0.3, "warmup": 0.3}}
            },
            "noise": {"linear": {"kind": "expertise", "training": {"epochs": 4, "lr": 0.4}}},
            "methods": {"sft": {"training": {"epochs": 5}}, "clean": {}},
            "tables": {},
        },
        "",
    )
    cell = Cell("geo", "linear", "model", "sft", 0)
    training = given.training_of(cell)
    found = (training.epochs, training.lr, training.warmup, training.threads, training.row_tokens)
    assert found == (5, 0.4, 0.3, 3, 64)
    assert given.training_of(Cell("geo", None, "model", "clean", 0)).lr == 0.3
    assert given.shared_training("geo", "model").epochs == 3


def test_the_study_as_it_is_run_is_the_same_study():
    given = study("realm:\n", "realm: {training: {lr: 1.0e-4}}\n")
    again = parse_study(json.loads(json.dumps(recipes.whole(given))), "frozen")
    assert recipes.whole(again) == recipes.whole(given)
    assert [recipes.cell(again, c) for c in again.cells()] == [
        recipes.cell(given, c) for c in given.cells()
    ]


def test_the_quick_study_is_valid():
    assert len(read_study(QUICK).cells()) > 0


BAD = [
    ("study: small", "study: Small", "study: found 'Small'; allowed: what matches ^[a-z0-9][a-z"),
    ("study: small", "", "study: is missing"),
    ("study: small", "studdy: small", "key 'studdy' is unknown: did you mean 'study'? allowed: "),
    ("seeds: [0, 1]", "seeds: []", "seeds: found []; allowed: 1 or more"),
    ("seeds: [0, 1]", "seeds: [0, 0]", "seeds: found [0, 0]; allowed: different numbers"),
    ("seeds: [0, 1]", "seeds: [0, -1]", "seeds.1: found -1; allowed: greater than or equal to 0"),
    ("seeds: [0, 1]", "seeds: 3", "seeds: found 3; allowed: a valid list"),
    ("sft: {}", "stf: {}", "methods.stf: kind 'stf' is unknown: did you mean 'sft'? allowed: "),
    ("sft: {}", "mine: {kind: stf}", "methods.mine: kind 'stf' is unknown: did you mean 'sft'?"),
    ("sft: {}", "SFT: {kind: sft}", "methods.SFT: found 'SFT'; allowed: what matches "),
    ("sft: {}", "../sft: {kind: sft}", "methods.../sft: found '../sft'; allowed: what matches "),
    ("sft: {}", "s_t: {kind: sft}", "methods.s_t: found 's_t'; allowed: what matches "),
    ("sft: {}", "sft: 3", "methods.sft: found 3; allowed: keys with their values"),
    ("sft: {}", "sft: []", "methods.sft: found []; allowed: keys with their values"),
    ("sft: {}", "sft: {lr: 1}", "methods.sft: key 'lr' is unknown: allowed: kind, training"),
    (
        "sft: {}",
        "sft: {training: {epoch: 1}}",
        "methods.sft.training: key 'epoch' is unknown: did you mean 'epochs'? allowed: ",
    ),
    (
        "sft: {}",
        "sft: {training: {epochs: 0}}",
        "methods.sft.training.epochs: found 0; allowed: greater than 0",
    ),
    (
        "half-good: {kind: expertise,",
        "half-good: {kind: expertize,",
        "noise.half-good: kind 'expertize' is unknown: did you mean 'expertise'? allowed: ",
    ),
    (
        "ladder: half-good",
        "ladder: half-god",
        "noise.half-good.ladder: ladder 'half-god' is unknown: did you mean 'half-good'? allowed: ",
    ),
    (
        "ladder: half-good",
        "ladder: [0.5, 2]",
        "noise.half-good.ladder: ladder: found [0.5, 2.0]; allowed: values from 0 to 1",
    ),
    (
        "half-good, annotators: 4",
        "half-good, annotators: 1",
        "noise.half-good: labels_per_item: found 2; allowed: at most 1, the number of annotators",
    ),
    (
        "ladder: linear",
        "ladder: linear, anonymous: true",
        "methods.realm needs annotator ids, and noise.linear has none; allowed: ",
    ),
    (
        "training: {",
        "export: [relm]\ntraining: {",
        "export: 'relm' is unknown: did you mean 'realm'? allowed: zero-shot, sft, realm, clean",
    ),
    (
        "training: {",
        "export: [realm, zero-shot]\ntraining: {",
        "export: found 'zero-shot'; allowed: methods that train a model",
    ),
    ("kind: top-layers", "kind: top-layer", "models.model.tune: kind 'top-layer' is unknown: did"),
    ("kind: top-layers, layers: 1", "layers: 1", "models.model.tune: found {'layers': 1}; allowed"),
    ("layers: 1", "layers: 0", "models.model.tune.layers: found 0; allowed: greater than 0"),
    ("path:model", "model", "models.model: source: found 'model'; allowed: wheel:NAME==VERSION"),
    ("train: 16", "tasks: [town]", "datasets.geo.tasks.0: value 'town' is unknown: allowed: city"),
    ("epochs: 1", "precision: fp16", "training.precision: value 'fp16' is unknown: did you mean"),
    ("epochs: 1", "lr: .inf", "training.lr: found inf; allowed: a finite number"),
    (
        "training: {",
        "exclude: [{methods: [stf]}]\ntraining: {",
        "exclude.0.methods: 'stf' is unknown: did you mean 'sft'? allowed: ",
    ),
    ("training: {", "exclude: [{}]\ntraining: {", "exclude: leaves no cell; allowed: one or more"),
    ("results: {}", "results: {metrics: [acc]}", "tables.results.metrics.0: measure 'acc' is unkn"),
    (
        "comparisons: {}",
        "comparisons: {reference: real}",
        "tables.comparisons.reference: 'real' is unknown: did you mean 'realm'? allowed: ",
    ),
    (
        "training-curves: {}",
        "expertise-matrix: {method: reall}",
        "figures.expertise-matrix.method: 'reall' is unknown: did you mean 'realm'? allowed: ",
    ),
    (
        "training-curves: {}",
        "accuracy-by-crowd: {noises: [linear, half-god]}",
        "figures.accuracy-by-crowd.noises: 'half-god' is unknown: did you mean 'half-good'? ",
    ),
    (
        "comparisons: {}",
        "noise-rates: {rows: {SFT: {method: stf}}}",
        "tables.noise-rates.rows.SFT.method: 'stf' is unknown: did you mean 'sft'? allowed: ",
    ),
    (
        "comparisons: {}",
        "noise-rates: {rows: {SFT: {method: sft, model: mode}}}",
        "tables.noise-rates.rows.SFT.model: 'mode' is unknown: did you mean 'model'? allowed: ",
    ),
    (
        "comparisons: {}",
        "noise-rates: {columns: {GEO: gea}}",
        "tables.noise-rates.columns.GEO: 'gea' is unknown: did you mean 'geo'? allowed: geo",
    ),
    (
        "comparisons: {}",
        "noise-rates: {rates: {30: half-god}}",
        "tables.noise-rates.rates.30: 'half-god' is unknown: did you mean 'half-good'? allowed: ",
    ),
    (
        "comparisons: {}",
        "noise-rates: {gain: {relm: [sft]}}",
        "tables.noise-rates.gain: 'relm' is unknown: did you mean 'realm'? allowed: ",
    ),
    (
        "comparisons: {}",
        "noise-rates: {model: modle}",
        "tables.noise-rates.model: 'modle' is unknown: did you mean 'model'? allowed: model",
    ),
    (
        "training-curves: {}",
        "phrasings: {models: [modle]}",
        "figures.phrasings.models: 'modle' is unknown: did you mean 'model'? allowed: model",
    ),
    (
        "comparisons: {}",
        "published: {rows: {gea/city: ARC}}",
        "tables.published.rows: 'gea' is unknown: did you mean 'geo'? allowed: geo",
    ),
]


@pytest.mark.parametrize(("old", "new", "sentence"), BAD, ids=[new or old for old, new, _ in BAD])
def test_a_mistake_is_one_sentence(old, new, sentence):
    with pytest.raises(AnnobenchError) as caught:
        study(old, new)
    assert str(caught.value).startswith(f"study.yaml: {sentence}")
    assert len(str(caught.value).splitlines()) == 1


def test_every_mistake_has_its_own_sentence():
    with pytest.raises(AnnobenchError) as caught:
        parse_study(yaml.safe_load(STUDY) | {"seeds": 3, "training": {"epochs": 0}}, "study.yaml")
    assert [line.split(": found")[0] for line in str(caught.value).splitlines()] == [
        "study.yaml: seeds",
        "study.yaml: training.epochs",
    ]


@pytest.mark.parametrize("axis", ["datasets", "models", "methods"])
def test_an_axis_without_entries_is_refused(axis):
    with pytest.raises(AnnobenchError, match=f"{axis}: found no entry; allowed: one or more"):
        parse_study(yaml.safe_load(STUDY) | {axis: {}, "tables": {}}, "study.yaml")


def test_a_method_that_needs_annotations_needs_a_noise():
    with pytest.raises(AnnobenchError, match=r"methods\.sft needs annotations; allowed: one noise"):
        parse_study(yaml.safe_load(STUDY) | {"noise": {}}, "study.yaml")


def test_a_method_without_need_of_ids_takes_anonymous_labels():
    anonymous = yaml.safe_load(STUDY.replace("linear, ann", "linear, anonymous: true, ann"))
    anonymous |= {"methods": {"sft": {}, "majority": {}}, "tables": {}}
    assert len(parse_study(anonymous, "study.yaml").cells()) == 8


def test_a_method_that_needs_the_truth_needs_noise_that_has_it(monkeypatch):
    monkeypatch.setattr(sft, "NEEDS", Needs(annotations=True, truth=True))
    own = yaml.safe_load(
        STUDY.replace(
            "expertise, ladder: linear, annotators: 4, labels_per_item: 2",
            "observed, path: labels.csv",
        )
    )
    with pytest.raises(AnnobenchError) as caught:
        parse_study(own, "study.yaml")
    assert str(caught.value).startswith(
        "study.yaml: methods.sft needs the annotators' true expertise, and noise.linear has none; "
        "allowed: "
    )
    assert len(study().cells()) == 11  # simulated annotators have it


PAIRS = """\
study: users
seeds: [0]
datasets:
  pairs:
    kind: geo-pairs
    stronger: {source: "path:big"}
    weaker: {source: "path:small"}
models:
  model: {source: "path:model"}
noise:
  half: {kind: users}
methods:
  users: {}
  dpo: {}
"""


def paired(old="", new=""):
    assert not old or PAIRS.count(old) == 1
    return parse_study(yaml.safe_load(PAIRS.replace(old, new) if old else PAIRS), "study.yaml")


def test_whatever_makes_a_data_set_is_fetched_and_checked():
    assert paired().sources() == dict.fromkeys(("path:model", "path:big", "path:small"))
    assert [model.source for model in paired().makers("pairs")] == ["path:big", "path:small"]
    assert study().makers("geo") == ()
    judged = paired("    weaker", "    reward_model: {source: 'path:judge'}\n    weaker")
    assert set(judged.sources()) == {"path:model", "path:big", "path:small", "path:judge"}
    pinned = paired('"path:small"', f'"path:model", sha256: "{64 * "a"}"')
    assert pinned.sources()["path:model"] == 64 * "a"


def test_the_settings_of_what_makes_a_data_set_are_its_own():
    found = paired("    weaker", "    training: {precision: fp32}\n    weaker")
    assert found.making("pairs").precision == "fp32"
    assert found.making("pairs").threads == found.training.threads


def test_a_model_has_one_checksum_wherever_it_stands():
    given = yaml.safe_load(PAIRS)
    given["models"]["model"]["sha256"] = 64 * "a"
    given["datasets"]["pairs"]["stronger"] = {"source": "path:model", "sha256": 64 * "b"}
    with pytest.raises(AnnobenchError) as caught:
        parse_study(given, "study.yaml")
    assert str(caught.value) == "study.yaml: path:model: found two values of sha256; allowed: one"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "path:small",
            "path:big",
            (
                "datasets.pairs: weaker: found 'path:big', the same model as `stronger`, of which "
                "nothing can be learned about users; allowed: another model, or `control: true`"
            ),
        ),
        (
            "    weaker",
            "    control: true\n    weaker",
            "datasets.pairs: control: found true with two different models; allowed: one twice",
        ),
        ("path:small", "small", "datasets.pairs.weaker: source: found 'small'; allowed: wheel:"),
        ("path:small", "wheel:small==1", "datasets.pairs.weaker: sha256: is missing; allowed: "),
        ("kind: geo-pairs", "kind: geo", "datasets.pairs: key 'stronger' is unknown"),
        ("{kind: users}", "{kind: users, q: 1}", "noise.half: key 'q' is unknown"),
    ],
)
def test_pairs_that_are_refused(old, new, sentence):
    with pytest.raises(AnnobenchError) as caught:
        paired(old, new)
    assert str(caught.value).splitlines()[0].startswith(f"study.yaml: {sentence}")


def test_the_control_is_one_model_twice():
    found = paired('path:small"}', 'path:big"}\n    control: true')
    assert set(found.sources()) == {"path:model", "path:big"}


@pytest.mark.parametrize(
    ("noise", "method", "where"),
    [
        ("expertise", "sft", "noise.n"),
        ("observed, path: labels.csv", "sft", "noise.n"),
        ("response, rate: 0.3", "majority", "methods.majority"),
        ("response, rate: 0.3", "clean", "methods.clean"),
        ("response, rate: 0.3", "sft", None),
    ],
)
def test_free_text_needs_noise_and_methods_without_need_of_options(
    noise, method, where, monkeypatch
):
    monkeypatch.setattr(geo, "FREE_TEXT", True, raising=False)
    monkeypatch.setattr(sft, "NEEDS", Needs(annotations=True, options=False))
    asked = {
        "study": "s",
        "datasets": {"geo": {}},
        "models": {"m": {"source": "path:model"}},
        "noise": {"n": yaml.safe_load(f"{{kind: {noise}}}")},
        "methods": {method: {}},
    }
    if where is None:
        assert len(parse_study(asked, "study.yaml").cells()) == 3
        return
    with pytest.raises(AnnobenchError) as caught:
        parse_study(asked, "study.yaml")
    assert str(caught.value) == (
        f"study.yaml: {where} needs options, and datasets.geo has free text; allowed: "
        f"{where.split('.')[0]} for free text, or an `exclude` entry for the pair"
    )
    excluded = asked | {"methods": {method: {}, "zero-shot": {}}}
    excluded["exclude"] = [{"datasets": ["geo"], "methods": [method]}]
    monkeypatch.setattr(zero_shot, "NEEDS", Needs(training=False, options=False))
    assert {cell.method for cell in parse_study(excluded, "study.yaml").cells()} == {"zero-shot"}


PAIRED = {
    "study": "s",
    "seeds": [0],
    "datasets": {"pairs": {"kind": "ultrafeedback", "stronger": "gpt-4", "weaker": "alpaca-7b"}},
    "models": {"m": {"source": "path:model"}},
    "noise": {"crowd": {"kind": "users", "users": 4, "comparisons": 4}},
    "methods": {"dpo": {}, "users": {}, "dpo-clean": {}, "zero-shot": {}},
}
SINGLE = {"geo": {"train": 8, "test": 8}}
HALF = {"half": {"kind": "expertise", "ladder": "half-good", "annotators": 4, "labels_per_item": 2}}


@pytest.mark.parametrize("kind", [k for k in kinds("methods") if k.startswith("dpo")] + ["users"])
def test_methods_of_preferences_need_pairs(kind):
    asked = PAIRED | {"datasets": SINGLE, "noise": HALF, "methods": {"mine": {"kind": kind}}}
    with pytest.raises(AnnobenchError) as caught:
        parse_study(asked, "study.yaml")
    assert str(caught.value) == (
        "study.yaml: methods.mine needs pairs of responses, and datasets.geo has none; allowed: "
        "data sets of pairs, or an `exclude` entry for the pair"
    )


def test_users_need_pairs():
    asked = PAIRED | {"datasets": SINGLE, "methods": {"sft": {}}}
    with pytest.raises(AnnobenchError) as caught:
        parse_study(asked, "study.yaml")
    assert str(caught.value) == (
        "study.yaml: noise.crowd needs pairs of responses, and datasets.geo has none; allowed: "
        "data sets of pairs, or an `exclude` entry for the pair"
    )


def test_pairs_may_stand_beside_other_data_if_the_rest_is_excluded():
    asked = PAIRED | {"datasets": PAIRED["datasets"] | SINGLE}
    left_out = [{"datasets": ["geo"], "methods": ["dpo", "users", "dpo-clean"]}]
    assert len(parse_study(asked | {"exclude": left_out}, "").cells()) == 5


def test_the_true_attentiveness_is_known_of_simulated_users_only():
    asked = PAIRED | {"methods": {"dpo-oracle": {}}}
    assert len(parse_study(asked, "study.yaml").cells()) == 1
    own = {"crowd": {"kind": "observed"}}
    with pytest.raises(AnnobenchError, match=r"methods\.dpo-oracle needs the annotators' true"):
        parse_study(asked | {"noise": own}, "study.yaml")


def test_trained_preferences_are_held_against_the_responses_before():
    given = parse_study(PAIRED, "study.yaml")
    read = {cell.method: given.views_of(cell) for cell in given.cells()}
    assert read == {
        "dpo": ("responses",),
        "dpo-clean": ("responses",),
        "users": (),
        "zero-shot": (),
    }
    assert given.shown_views() == []
    assert {cell.path for cell in given.cells()} == {
        "pairs/crowd/m/dpo/0",
        "pairs/crowd/m/users/0",
        "pairs/_/m/dpo-clean/0",
        "pairs/_/m/zero-shot/_",
    }


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        ("1.0", "found 1.0; allowed: less than 1"),
        ("-0.1", "found -0.1; allowed: greater than or equal to 0"),
        ("some", "found 'some'; allowed: a valid number.*"),
    ],
)
def test_a_rate_of_noise_is_a_share_below_1(rate, sentence):
    with pytest.raises(AnnobenchError) as caught:
        study(
            "linear: {kind: expertise, ladder: linear, annotators: 4, labels_per_item: 2}",
            f"linear: {{kind: response, rate: {rate}}}",
        )
    assert re.fullmatch(f"study.yaml: noise.linear.rate: {sentence}", str(caught.value))


@given(
    st.dictionaries(
        st.text(max_size=8), st.integers() | st.text(max_size=8) | st.none(), max_size=4
    )
)
def test_an_unknown_key_is_always_named(extra):
    unknown = [key for key in extra if key not in Study.model_fields]
    assume(unknown)
    with pytest.raises(AnnobenchError) as caught:
        parse_study(yaml.safe_load(STUDY) | extra, "study.yaml")
    assert f"study.yaml: key {unknown[0]!r} is unknown: " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "study.yaml: found nothing; allowed: keys with their values"),
        (b"- a\n- b", "study.yaml: found a list; allowed: keys with their values"),
        (b"a: 1\nb: [1", r"study.yaml: line 2: .*; allowed: YAML"),
        (b"a: 1\nb: 2\na: 3", "study.yaml: line 3: found 'a' twice; allowed: YAML"),
        (b"m:\n  a: {}\n  b: {x: 1, x: 1}", "study.yaml: line 3: found 'x' twice; allowed: YAML"),
        (b"a: !!python/object:os.system x", "study.yaml: line 1: could not determine a construct"),
        (b"\xff\xfe", "study.yaml: cannot be read as YAML: 'utf-8' codec"),
        (b"a: \x00", "study.yaml: cannot be read as YAML: "),
        (None, "study.yaml: cannot be read as YAML: .*No such file"),
    ],
)
def test_a_file_that_is_no_study_is_named(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("study.yaml").write_bytes(content)
    with pytest.raises(AnnobenchError) as caught:
        read_study(Path("study.yaml"))
    assert re.match(message, str(caught.value))
    assert len(str(caught.value).splitlines()) == 1
