import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from annobench import reference, registry
from annobench.entries import PACKAGES
from annobench.study import Study, parse_study

ROOT = Path(__file__).parents[1]
STUDY = {
    "study": "small",
    "seeds": [1, 0],
    "datasets": {"geo": {}},
    "models": {"model": {"source": "path:model"}},
    "noise": {"one-good": {"kind": "expertise"}, "half-good": {"kind": "expertise"}},
    "methods": {"zero-shot": None, "mine": {"kind": "realm"}, "clean": {}},
    "training": {"epochs": 2},
}


@pytest.mark.parametrize(
    ("file", "make", "command"),
    [
        ("study.md", reference.keys, "keys"),
        ("study.schema.json", reference.schema, "schema"),
    ],
)
def test_the_generated_pages_are_up_to_date(file, make, command):
    found = (ROOT / "docs" / file).read_text(encoding="utf-8")
    assert found == make(), f"renew it: annobench {command} > docs/{file}"


def section(text, *headings):
    """What stands under nested headings."""
    for depth, heading in enumerate(headings, start=2):
        text = re.split(rf"^{'#' * depth} {re.escape(heading)}$", text, flags=re.M)[1]
        text = re.split(rf"^#{{2,{depth}}} ", text, flags=re.M)[0]
    return text


def rows(text):
    """The rows of a table in Markdown, by key."""
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, flags=re.M)
    return {key: re.split(r" \| ", rest) for key, rest in lines}


def test_every_key_of_the_study_is_explained():
    top = rows(reference.keys().split("\n## ")[0])
    assert set(top) == set(Study.model_fields)
    for kind, default, meaning in top.values():
        assert kind
        assert default
        assert meaning.endswith(".")


@pytest.mark.parametrize("block", PACKAGES)
def test_every_kind_has_its_section_with_its_keys(block):
    text = reference.keys()
    for kind in registry.kinds(PACKAGES[block]):
        own = registry.component(PACKAGES[block], kind).Settings.model_fields
        found = rows(section(text, block, f"`{kind}`").split("\n####")[0])
        assert set(found) == set(own)
        assert all(meaning.endswith(".") for _, _, meaning in found.values())


def test_types_defaults_and_bounds_are_in_words():
    text = reference.keys()
    realm = rows(section(text, "methods", "`realm`"))
    assert realm["initial_expertise"][:2] == ["number (above 0, below 1)", "`0.8`"]
    model = rows(section(text, "models"))
    assert model["source"][:2] == ["string", "required"]
    assert model["sha256"][:2] == ["string", "none"]
    assert model["answer"][:2] == ["`text` or `letter`", '`"text"`']
    assert rows(section(text, "models", "`tune`: `top-layers`"))["layers"][1] == "`4`"
    training = rows(section(text, "training"))
    assert training["schedule"][0] == "`linear` or `cosine` or `constant`"
    assert training["lr"][:2] == ["number (above 0)", "`5e-05`"]


def test_every_link_leads_to_a_heading():
    text = reference.keys()
    headings = {h.lower() for h in re.findall(r"^#+ (\S+)$", text, flags=re.M)}
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert links
    assert set(links) <= headings


SCHEMA = json.loads(reference.schema())


def test_the_schema_is_one_and_takes_valid_studies():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    quick = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for study in (quick, STUDY):
        parse_study(study, "")
        jsonschema.validate(study, SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"study": "Small"},
        {"stduy": "small"},
        {"seeds": []},
        {"seeds": [-1]},
        {"methods": {"sft": {"kind": "stf"}}},
        {"methods": {"sft": {"kind": "sft", "lr": 1}}},
        {"methods": {"sft": {"training": {"epochs": 0}}}},
        {"models": {"model": {}}},
        {"training": {"lr": "high"}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_validation_refuses(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(STUDY | change, SCHEMA)


def test_contents():
    assert reference.contents(parse_study(STUDY, "")) == (
        """\
small: 7 cells
  zero-shot (zero-shot): 1, the same for every noise and seed
  mine (realm): 4
  clean (clean): 2, the same for every noise
shared by these cells:
  items: geo
  draws of annotations: 4
  tokens and frozen states, for each data set and model: 1
needs:
  model: path:model
estimated, within a factor of about two, one cell at a time:
  0.0 hours on one CPU thread (measured)
  0.0 hours on NVIDIA H200 (assumed)
  0.0 hours on NVIDIA A100 (assumed)
  0.0 GiB of disk
  not in it: the size of model model"""
    )


def test_the_summary_does_not_depend_on_the_order_of_keys():
    expected = (
        "Study small: data set geo; model model; noise half-good, one-good; "
        "methods clean, mine, zero-shot; seeds 0, 1; 2 epochs."
    )
    assert reference.summary(parse_study(STUDY, "")) == expected
    turned = STUDY | {"methods": dict(reversed(STUDY["methods"].items())), "seeds": [0, 1]}
    assert reference.summary(parse_study(turned, "")) == expected
