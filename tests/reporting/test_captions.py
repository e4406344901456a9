"""Captions of the report: one per kind, and each renders as Snakemake renders it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_doctree
from jinja2 import Environment, StrictUndefined

from annobench import registry
from annobench.reference import summary
from annobench.study import parse_study

ROOT = Path(__file__).parents[2]
CAPTIONS = ROOT / "workflow" / "report"
FULL = {
    "study": "quick",
    "seeds": [0, 1, 2],
    "datasets": {"geo": {"source": "geonames", "train": 400, "test": 200}},
    "models": {"m": {"source": "hub:o/m@1", "tune": {"kind": "top-layers", "layers": 4}}},
    "noise": {"half-good": {"kind": "expertise", "ladder": "half-good"}},
    "methods": {"sft": {}, "mine": {"kind": "realm"}},
    "training": {"epochs": 3},
}
BARE = {
    "study": "bare",
    "seeds": [7],
    "datasets": {"geo": {}},
    "models": {"m": {"source": "hub:o/m@1"}},
    "methods": {"zero-shot": None},
}


def rendered(path: Path, config: dict, between: str = " ", also: dict | None = None) -> str:
    """The text of a caption's paragraphs; `also` is of the study that the template alone sees."""
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    template = environment.from_string(path.read_text(encoding="utf-8"))
    params = SimpleNamespace(run=summary(parse_study(config, "config")))
    shown = SimpleNamespace(config=config | (also or {}), params=params)
    text = template.render(snakemake=shown)
    document = publish_doctree(text, settings_overrides={"halt_level": 2, "report_level": 5})
    return between.join(" ".join(part.split()) for part in document.astext().split("\n\n"))


@pytest.mark.parametrize("block", ["tables", "figures"])
def test_every_kind_has_a_caption_and_every_caption_a_kind(block):
    found = {path.stem for path in (CAPTIONS / block).iterdir()}
    assert found == set(registry.kinds(f"reporting.{block}"))


CAPTIONED = sorted([*CAPTIONS.glob("tables/*.rst"), *CAPTIONS.glob("figures/*.rst")])
FRONT = CAPTIONS / "workflow.rst"


@pytest.mark.parametrize("path", CAPTIONED, ids=lambda path: "-".join(path.parts[-2:]))
@pytest.mark.parametrize("config", [FULL, BARE], ids=["full", "bare"])
def test_a_caption_says_what_was_run_and_what_is_a_papers_number(path, config):
    text = rendered(path, config)
    assert summary(parse_study(config, "config")) in text
    published = 'Columns whose name begins with "paper" hold the paper\'s numbers'
    theirs = path.stem in ("published", "noise-rates", "distributions")
    said = published if theirs else "Nothing shown here is a number of a paper"
    assert said in text


WITH_INTERVALS = [f"tables/{x}" for x in ("results", "comparisons", "published", "noise-rates")]
WITH_INTERVALS += [f"figures/accuracy-by-{x}" for x in ("noise", "size", "crowd", "setting")]
WITH_INTERVALS += ["figures/phrasings", "tables/distributions"]
WITH_INTERVALS += ["figures/by-ambiguity", "figures/ambiguity-and-expertise"]


@pytest.mark.parametrize("name", [*WITH_INTERVALS, "figures/gain-by-noise"])
def test_a_caption_with_intervals_says_what_they_are(name):
    assert "crossed bootstrap" in rendered(CAPTIONS / f"{name}.rst", FULL)


def test_the_front_page_says_what_was_run():
    text = rendered(FRONT, FULL)
    for fact in (
        "Study quick",
        "geo: geo; source geonames; train 400; test 200.",
        "trained: top-layers 4 layers",
        "half-good: expertise; ladder half-good",
        "sft, mine",
        "Seeds: 0, 1, 2",
        "Training: epochs 3",
    ):
        assert fact in text


def test_the_front_page_says_what_is_reconstructed_where_it_is():
    full, bare = rendered(FRONT, FULL), rendered(FRONT, BARE)
    for fact in ("sigmoid", "ladders are ILEED"):
        assert fact in full
        assert fact not in bare
    assert "Nothing shown here is a number of a paper" in bare


@pytest.mark.parametrize("kind", ["published", "noise-rates", "distributions"])
def test_the_front_page_says_where_a_papers_numbers_stand(kind):
    text = rendered(FRONT, FULL, also={"tables": {"single": {"kind": kind}}})
    assert "Nothing shown here is a number of a paper" not in text
    assert 'only in the columns "paper"' in text


def test_the_front_page_says_whose_labels_are_the_users():
    """Rendered from a plain mapping, as the kind is another module's."""
    text = rendered(
        FRONT, FULL, also={"noise": {"mine": {"kind": "observed"}, "copying": {"kind": "copying"}}}
    )
    assert "Labels under mine are the user's own" in text
    assert "Beyond the paper: noise of kind copying." in text
    for fact in ("user's own", "Beyond the paper"):
        assert fact not in rendered(FRONT, FULL)


def test_the_front_page_says_which_arms_of_realm_are_ours():
    text = rendered(FRONT, FULL, also={"methods": {"signed": {"kind": "realm-signed"}}})
    assert "Beyond the paper: REALM with a signed expertise" in text


def test_captions_take_the_study_that_ships():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for path in [FRONT, *CAPTIONED]:
        assert str(config["study"]) in rendered(path, config)
